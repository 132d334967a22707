"""The people of the demo: they come back, live in four countries, and some work for a company."""

from dataclasses import dataclass

from api.demo.dice import Dice
from domain.customer import Profile

_FIRST = (
    "Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Liam", "Marta", "Nils",
    "Olga", "Pavel", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Vera", "Wim", "Yara",
)  # fmt: skip
_LAST = (
    "Aalto", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen", "Kowalski",
    "Lindgren", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Usman", "Vogel", "Weber",
)  # fmt: skip
_COMPANIES = (
    "Harbour Hotels", "Lindgren & Co", "Nordlicht Cafe", "Kite Studio", "Brandt Architects", "Rossi Catering",
    "Blue Door Books", "Vogel Logistics", "Field Day Events", "Atelier Moreau",
)  # fmt: skip
CURRENCIES = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "US": "USD"}
"""Each country of the demo, and what its people pay in."""
_DIALLED = {"DE": "+4930", "FR": "+3314", "GB": "+4420", "US": "+1212"}


@dataclass(frozen=True, slots=True)
class Person:
    """Someone, the same whenever they come back."""

    number: int
    name: str
    email: str
    phone: str
    country: str
    company: str | None

    @property
    def currency(self) -> str:
        """What they pay in."""
        return CURRENCIES[self.country]

    def account(self, prefix: str, *, phone: bool = False) -> Profile:
        """Return what a shop knows of its customer."""
        return Profile(
            source_id=self.account_id(prefix),
            email=self.email,
            name=self.name,
            country=self.country,
            phone=self.phone if phone else None,
        )

    def account_id(self, prefix: str) -> str:
        """Return the shop's own id of its customer."""
        return f"{prefix}-{self.number}"

    def visitor(self, *, briefly: bool = False) -> Profile:
        """Return what someone tells a form, perhaps `briefly`."""
        name = self.name.partition(" ")[0] if briefly else self.name
        return Profile(email=self.email, name=name, phone=self.phone, company=self.company)


def person(number: int) -> Person:
    """Return the person of this number."""
    dice = Dice("person", number)
    first, last = dice.one_of(_FIRST), dice.one_of(_LAST)
    country = dice.one_of(("DE", "DE", "DE", "FR", "GB", "GB", "US"))
    return Person(
        number=number,
        name=f"{first} {last}",
        email=f"{first}.{last}.{number}@example.com".lower(),
        phone=f"{_DIALLED[country]}555{number:04}",
        country=country,
        company=dice.one_of(_COMPANIES) if dice.happens(0.3) else None,
    )


class Crowd:
    """Everybody who ever came, and who comes next."""

    def __init__(self, first: int = 1, known: int = 0) -> None:
        self._first = first
        self._next = first + known

    def who(self, dice: Dice, new: float) -> Person:
        """Return who comes: someone `new` in this share of cases, else someone who comes back."""
        if self._next == self._first or dice.happens(new):
            self._next += 1
            return person(self._next - 1)
        return person(dice.number(self._first, self._next - 1))
