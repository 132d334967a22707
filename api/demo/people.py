"""The people of the demo: they come back, live in four countries, and some work for a company."""

from dataclasses import dataclass

from api.demo.dice import Dice
from domain.customer import Profile

_FIRST = (
    "Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Greta", "Hugo", "Ingrid", "Jonas", "Kaja", "Liam", "Marta", "Nils",
    "Olga", "Pavel", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Vera", "Wim", "Yara", "Agnes", "Bruno", "Clara",
    "Dario", "Emma", "Finn", "Hanna", "Ivan", "Julia", "Karim", "Lena", "Matteo", "Nora", "Oscar", "Paula", "Ruth",
)  # fmt: skip
_LAST = (
    "Aalto", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen", "Kowalski",
    "Lindgren", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Usman", "Vogel", "Weber",
    "Adler", "Becker", "Carter", "Demir", "Evans", "Fontaine", "Gruber", "Hughes", "Ito", "Jensen", "Keller", "Laurent",
    "Mendes", "Nguyen", "Olsen", "Papadakis", "Reyes", "Silva", "Thomas", "Urban", "Vidal", "Walsh", "Yilmaz", "Zimmer",
    "Bauer", "Clarke", "Duarte",
)  # fmt: skip
_STEP = 617  # shares no factor with the number of names: each is given once before one is given again
_COMPANIES = (
    "Harbour Hotels", "Lindgren & Co", "Nordlicht Cafe", "Kite Studio", "Brandt Architects", "Rossi Catering",
    "Blue Door Books", "Vogel Logistics", "Field Day Events", "Atelier Moreau", "Oak & Ember", "Studio Pixelwerk",
    "Hughes Dental", "Kanzlei Adler", "Riverside Yoga", "Maison Fontaine", "Gruber Bau", "Copper Kettle Inn",
    "Papadakis Imports", "Greenline Energy", "Hotel Seeblick", "Walsh & Partners", "Little Owl Nursery",
    "Zimmer Hostel", "North Quay Coworking", "Praxis am Park", "Carter Brewing", "Galerie Duarte",
    "Bauer Maschinen", "Juniper Spa", "Keller Druck", "The Reading Room", "Olsen Boats", "Cinema Rex",
    "Silva Ceramics", "Nguyen Kitchens",
)  # fmt: skip
CURRENCIES = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "US": "USD"}
"""Each country of the demo, and what its people pay in."""
VISITORS = 5_001
"""The number from which on people come by the website's forms: most of them for a company."""
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
    last, first = divmod(number * _STEP % (len(_FIRST) * len(_LAST)), len(_FIRST))
    country = dice.one_of(("DE", "DE", "DE", "FR", "GB", "GB", "US"))
    return Person(
        number=number,
        name=f"{_FIRST[first]} {_LAST[last]}",
        email=f"{_FIRST[first]}.{_LAST[last]}.{number}@example.com".lower(),
        phone=f"{_DIALLED[country]}555{number:04}",
        country=country,
        company=dice.one_of(_COMPANIES) if dice.happens(0.75 if number >= VISITORS else 0.15) else None,
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
