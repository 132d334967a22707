"""The identity card: what stands for each field, who owns and told it, what others offer, what was merged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import msgspec
import psycopg

from api.pages.customers.standing import Standing
from domain.customer import FIELDS, PERSONAL, conflicts
from domain.ownership import Field
from domain.register import Register
from projections.customers import Customer

LABELS: Mapping[str, str] = {
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "company": "Company",
    "country": "Country",
    "lifecycle_stage": "Lifecycle",
    "owner": "Account manager",
}
"""The fields of a customer, as people call them, in the order of the card."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode = msgspec.json.Decoder(Customer).decode
_CARD = """
SELECT customer_id, registered_at, merged_into, erased_at, held_since, position, state
FROM model.customers WHERE customer_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Offer:
    """A value that a source offers against the one that stands."""

    source: str
    value: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCard:
    """One field: its value, who told or emptied it and when, and what is offered against it.

    `owned_by` is the source that owns the field by the tenant's rules; None: the newest report stands.
    """

    name: str
    label: str
    value: str | None
    owned_by: str | None = None
    told_by: str | None = None
    told_at: datetime | None = None
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A name that sources know the customer by."""

    kind: str
    value: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """What the customer said last about a purpose."""

    purpose: str
    given: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Merged:
    """A record that is shown under another one."""

    customer_id: str
    name: str | None
    email: str | None
    into: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Everything the card shows."""

    customer_id: str
    fields: Mapping[str, FieldCard]
    identities: tuple[Known, ...]
    consents: tuple[Consent, ...]
    merged: tuple[Merged, ...]
    suspected: tuple[str, ...]
    registered_at: datetime | None
    erased_at: datetime | None
    held_since: int | None
    position: int

    @property
    def title(self) -> str:
        """How the customer is called: by name, else company, else what a source knows them by."""
        if self.forgotten:
            return "Forgotten person"
        for name in ("name", "company", "email", "phone"):
            if value := self.fields[name].value:
                return value
        return next((known.value for known in self.identities), "Customer without a name")

    @property
    def forgotten(self) -> bool:
        """Say whether the person was forgotten and nobody has told who it is since."""
        return self.erased_at is not None and not any(self.fields[name].value for name in PERSONAL)

    @property
    def conflicts(self) -> tuple[FieldCard, ...]:
        """The fields for which something else is offered."""
        return tuple(card for card in self.fields.values() if card.offers)


def identity(connection: psycopg.Connection, who: Standing, owners: Mapping[str, str]) -> Identity:
    """Return the card of a customer that stands; `owners` are the tenant's rules: field → source."""
    rows = {row[0]: row for row in connection.execute(_CARD, (who.ids,)).fetchall()}
    states = {ident: _decode(row[6]) for ident, row in rows.items()}
    _, registered_at, _, erased_at, held_since, position, _ = rows[who.customer_id]
    state = states[who.customer_id]
    return Identity(
        customer_id=who.customer_id,
        fields={name: _card(name, state.fields.get(name, Field()), owners.get(name)) for name in LABELS},
        identities=_identities(states.values()),
        consents=tuple(
            Consent(purpose, register.value, _at(register))
            for purpose, register in sorted(state.consents.items())
        ),
        merged=tuple(_merged(ident, states[ident]) for ident in who.merged),
        suspected=_suspected(state, who),
        registered_at=registered_at,
        erased_at=erased_at,
        held_since=held_since,
        position=position,
    )


def _card(name: str, told: Field, owned_by: str | None) -> FieldCard:
    source, register = _teller(told)
    offers = sorted(conflicts(name, told).items(), key=lambda offer: offer[1].stamp, reverse=True)
    return FieldCard(
        name=name,
        label=LABELS[name],
        value=told.value,
        owned_by=owned_by,
        told_by=source,
        told_at=None if register is None else _at(register),
        offers=tuple(Offer(by, offered.value, _at(offered)) for by, offered in offers),
    )


def _teller(told: Field) -> tuple[str | None, Register[str] | None]:
    """Return the source whose value stands, with that value."""
    sources = told.owned or told.offered
    known = {source: register for source in sources if (register := told.told_by(source)) is not None}
    if told.owned:
        known = dict(told.owned)
    return max(known.items(), key=lambda item: (item[1].stamp, repr(item[1].value)), default=(None, None))


def _identities(states: Iterable[Customer]) -> tuple[Known, ...]:
    found: dict[tuple[str, str], set[str]] = {}
    for state in states:
        for known in filter(attrgetter("finds"), state.identities.values()):
            found.setdefault((known.kind, known.value), set()).add(known.source)
    return tuple(Known(kind, value, tuple(sorted(found[kind, value]))) for kind, value in sorted(found))


def _merged(ident: str, state: Customer) -> Merged:
    name, email = (
        state.fields[field].value if field in state.fields else None for field in ("name", "email")
    )
    return Merged(ident, name, email, state.merge.value or "", _at(state.merge))


def _suspected(state: Customer, who: Standing) -> tuple[str, ...]:
    """Return the customers who have an identity that a source reported of this one."""
    holders = {
        str(found.detail["holder"])
        for found in state.anomalies.values()
        if found.kind == "identity-taken" and found.settled_at is None
    }
    return tuple(sorted(holders - set(who.ids)))


def _at(register: Register[str] | Register[bool] | Register[str | None]) -> datetime:
    return _EPOCH + timedelta(microseconds=register.stamp[0])


if set(LABELS) != set(FIELDS):
    raise AssertionError("every field of a customer is on the card")
