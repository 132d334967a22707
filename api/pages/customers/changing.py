"""Changing a field of a customer by hand: what was seen, what stands now, and the command it comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from api import lengths
from api.http.auth import OWN_SOURCE
from api.http.errors import not_found
from api.pages.customers.identity import LABELS
from api.pages.seen import Seen, seen_of
from api.pages.visit import Visit
from commands.command import RecordCustomer
from domain.contact import email_key, phone_key
from domain.customer import PERSONAL, Customer, Emptying, Profile
from domain.errors import InvalidValue
from domain.ownership import EMPTY, Field
from domain.register import after

_KEYS: Mapping[str, Callable[[str], str]] = {"email": email_key, "phone": phone_key}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStanding:
    """A field of a customer as it stands at `version`, and the value that stood when the visitor looked.

    `owner` is another source that owns the field by the tenant's rules; None where what is told here stands.
    """

    customer_id: str
    name: str
    version: int
    customer: Customer
    seen: str | None
    owner: str | None

    @property
    def label(self) -> str:
        """What people call the field."""
        return LABELS[self.name]

    @property
    def now(self) -> str | None:
        """The value that stands."""
        return self.customer.value(self.name)

    @property
    def overtaken(self) -> bool:
        """Say whether somebody has changed the field since it was seen."""
        return self.now != self.seen

    @property
    def offered(self) -> bool:
        """Say whether a value given here is only offered, against that of the field's owner."""
        return self.owner is not None and bool(self._field.owned)

    def command(self, value: str | None, at: datetime) -> RecordCustomer:
        """Return what gives the field a value, or none, at a time, or right after the newest that is known of it.

        Raises InvalidValue for a value that the field cannot have.
        """
        if value is not None and not 0 < len(value) <= lengths.NAME:
            raise InvalidValue(field=self.name, rule=f"1 to {lengths.NAME} characters")
        if self.customer.erased and self.name in PERSONAL:
            raise InvalidValue(field=self.name, rule="nothing: the person was forgotten")
        _KEYS.get(self.name, str)(value or EMPTY)
        late = after(at, *self._field.latest())
        return RecordCustomer(
            customer_id=self.customer_id,
            profile=Emptying(emptied=(self.name,)) if value is None else Profile(**{self.name: value}),
            occurred_at=None if late == at else late,
        )

    @property
    def _field(self) -> Field:
        return self.customer.fields.get(self.name, Field())


def field_standing(visit: Visit, customer_id: str, name: str, seen: int | None = None) -> FieldStanding:
    """Return a field as it stands, and as it was at the version the visitor saw (None: this one).

    Raises Problem 404 where the tenant has no such customer, or a customer no such field.
    """
    customer: Seen[Customer] | None = seen_of(visit, f"customer-{customer_id}", version=seen)
    if name not in LABELS or customer is None:
        raise not_found()
    owner = visit.settings.owners.get(name)
    return FieldStanding(
        customer_id=customer_id,
        name=name,
        version=customer.version,
        customer=customer.now,
        seen=customer.then.value(name),
        owner=None if owner == OWN_SOURCE else owner,
    )
