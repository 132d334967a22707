"""Who may sign in, as the log has it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from api.http.auth import TENANTS
from commands.people import EMAIL
from domain import person
from domain.ids import id_of
from domain.person import PersonInvited
from domain.record import effective
from streams.log import Log
from streams.records import Recorded

_FRESH = 0.5  # seconds a look at a person is good for: a revoked one is out within a second
_MOST_KEPT = 10_000
_STREAMS = (
    "SELECT stream FROM log.events "
    "WHERE tenant = %s AND stream >= 'person-' AND stream < 'person.' AND version = 1"
)


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person of a tenant; `role` is None for who may not sign in any more, `invited_at` the last invitation."""

    tenant: str
    person_id: str
    role: str | None
    email: str | None
    name: str | None
    invited_at: datetime

    @property
    def label(self) -> str:
        """How pages call them."""
        return self.name or self.email or "Someone forgotten"


@dataclass(slots=True)
class People:
    """The people of all tenants; a look at one is good for half a second."""

    log: Log
    _seen: dict[tuple[str, str], tuple[float, Colleague | None]] = field(default_factory=dict)
    _keeping: threading.Lock = field(default_factory=threading.Lock)

    def find(self, tenant: str, person_id: str) -> Colleague | None:
        """Return a person, None where there is none."""
        now = time.monotonic()
        looked_at, known = self._seen.get((tenant, person_id), (-_FRESH, None))
        if now - looked_at < _FRESH:
            return known
        stream = f"person-{person_id}"
        known = _colleague(tenant, stream, self.log.stream(tenant, stream))
        with self._keeping:
            if len(self._seen) > _MOST_KEPT:
                self._seen.clear()
            self._seen[tenant, person_id] = now, known
        return known

    def forget(self, tenant: str, person_id: str) -> None:
        """Look anew at a person when asked next."""
        with self._keeping:
            self._seen.pop((tenant, person_id), None)

    def all_of(self, tenant: str) -> list[Colleague]:
        """Return everyone of a tenant, those who may sign in first, by name."""
        with self.log.connection() as connection:
            names = [stream for (stream,) in connection.execute(_STREAMS, (tenant,))]
        found = [
            colleague
            for stream, recorded in self.log.streams(tenant, names).items()
            if (colleague := _colleague(tenant, stream, recorded)) is not None
        ]
        return sorted(found, key=lambda one: (one.role is None, one.label.casefold()))

    def by_email(self, address: str) -> list[Colleague]:
        """Return who may sign in with an address: one person of each tenant that invited it."""
        with self.log.connection() as connection:
            tenants = [
                tenant for (tenant,) in connection.execute(f"{TENANTS} SELECT tenant FROM t") if tenant
            ]
        found = []
        for tenant in tenants:
            stream = self.log.holders(tenant, [(EMAIL, address)]).get((EMAIL, address))
            known = self.find(tenant, id_of(stream)) if stream else None
            if known is not None and known.role is not None:
                found.append(known)
        return found


def _colleague(tenant: str, stream: str, recorded: Sequence[Recorded]) -> Colleague | None:
    state, invited_at = person.NEW, None
    for version, event in effective([(entry.version, entry.event) for entry in recorded]):
        if isinstance(event, person.PersonEvent):
            state = person.evolve(state, event)
        if isinstance(event, PersonInvited):
            invited_at = recorded[version - 1].recorded_at
    if invited_at is None:
        return None
    return Colleague(tenant, id_of(stream), state.role, state.email, state.name, invited_at)
