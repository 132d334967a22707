"""Who asks: API keys by the digest of their secret, known from the log itself, and how often each may ask."""

import hashlib
import hmac
import threading
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import psycopg

from api.http.errors import Problem
from api.http.policy import allowed, sources
from api.http.rate import Rates
from commands.names import KEYS
from domain.record import effective
from domain.tenant import ApiKeyCreated, ApiKeyRevoked
from streams.log import COLUMNS, Log
from streams.records import Recorded

OWN_SOURCE = "backstory"
"""The source of what is asked in no other source's name."""

_FRESH = 1.0  # seconds a look at the keys is good for
_PREFIX = 16  # digits of a digest that find it; the rest is compared in constant time
_MINUTE = 60.0
_USED = (
    "INSERT INTO log.key_uses AS u (tenant, key_id, used_at) "
    "VALUES (%s, %s, clock_timestamp()) ON CONFLICT (tenant, key_id) DO UPDATE SET used_at = excluded.used_at"
)
TENANTS = (
    "WITH RECURSIVE t AS ((SELECT tenant FROM log.events ORDER BY tenant LIMIT 1) UNION ALL "
    "SELECT (SELECT e.tenant FROM log.events e WHERE e.tenant > t.tenant ORDER BY e.tenant LIMIT 1) "
    "FROM t WHERE t.tenant IS NOT NULL) "
)
_NEW = (
    f"{TENANTS} SELECT {COLUMNS} FROM log.events WHERE tenant IN (SELECT tenant FROM t) "
    "AND stream = %s AND position > %s ORDER BY position"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who may ask within one tenant. `machine` asks by key, so must name each request.

    `key_id` is the id of the key, or of the person; `name` is how pages call a person.
    """

    tenant: str
    key_id: str
    role: str
    actions: AbstractSet[str]
    sources: tuple[str, ...]
    machine: bool = True
    name: str = ""

    @property
    def actor(self) -> str:
        """How the log names who asked."""
        return f"{'key' if self.machine else 'person'}:{self.key_id}"

    def may(self, action: str) -> bool:
        """Say whether the caller's role and scopes allow an action."""
        return action in self.actions

    def source(self, named: str | None) -> str:
        """Return the source that a request speaks for. Raises Problem 403 for one that the key may not."""
        if named is None:
            return self.sources[0] if self.sources else OWN_SOURCE
        if self.sources and named not in self.sources:
            title = "This key may not speak for this source."
            raise Problem(403, "source-forbidden", title, sources=self.sources)
        return named


@dataclass(slots=True)
class Keys:
    """The keys of all tenants as the log has them, at most a second old, and how often each may be used."""

    log: Log
    rates: Rates
    _position: int = 0
    _looked_at: float = -_FRESH
    _failed_at: float = 0.0
    _events: dict[str, list[Recorded]] = field(default_factory=dict)
    _by_prefix: dict[str, tuple[str, Caller]] = field(default_factory=dict)
    _noted: dict[tuple[str, str], float] = field(default_factory=dict)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def cached(self, secret: str) -> Caller | None:
        """Return whose secret this is by a look not older than a second, without asking the database."""
        return self._find(secret) if time.monotonic() - self._looked_at < _FRESH else None

    def find(self, secret: str, asked_at: float) -> Caller | None:
        """Return whose secret this is, None if nobody's: then by a look that began after it was `asked_at`.

        Raises OperationalError where the database does not answer: to all who have asked by then, at once.
        """
        if asked_at - self._looked_at >= _FRESH:
            self._look(asked_at - _FRESH, asked_at)
        found = self._find(secret)
        if found is None:
            self._look(asked_at, asked_at)
            found = self._find(secret)
        return found

    def is_noted(self, caller: Caller) -> bool:
        """Say whether a use of the key was noted within the last minute; who hears no must `note` it."""
        now, key = time.monotonic(), (caller.tenant, caller.key_id)
        if now - self._noted.get(key, -_MINUTE) < _MINUTE:
            return True
        self._noted[key] = now
        return False

    def note(self, caller: Caller) -> None:
        """Write down that the key is used now."""
        with self.log.connection() as connection:
            connection.execute(_USED, (caller.tenant, caller.key_id))

    def limit(self, caller: Caller) -> None:
        """Count a request. Raises Problem 429 when the caller asks too often."""
        if (wait := self.rates.take((caller.tenant, caller.actor))) > 0:
            title = f"{'This key asks' if caller.machine else 'You ask'} too often."
            raise Problem(429, "too-many-requests", title, {"Retry-After": str(int(wait) + 1)})

    def _find(self, secret: str) -> Caller | None:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        known, caller = self._by_prefix.get(digest[:_PREFIX], ("", None))
        return caller if hmac.compare_digest(known, digest) else None

    def _look(self, not_before: float, asked_at: float) -> None:
        """Read what is new about keys, unless another thread began to after `not_before` or failed since `asked_at`."""
        with self._looking:
            if self._looked_at > not_before:
                return
            if self._failed_at > asked_at:
                raise psycopg.OperationalError("the database did not answer")
            began = time.monotonic()
            try:
                self._read_new()
            except psycopg.OperationalError:
                self._failed_at = time.monotonic()
                raise
            self._looked_at = began

    def _read_new(self) -> None:
        with self.log.connection() as connection:
            rows = connection.execute(_NEW, (KEYS, self._position)).fetchall()
        for recorded in self.log.decode(rows):
            self._events.setdefault(recorded.tenant, []).append(recorded)
            self._position = recorded.position
        if rows:
            self._by_prefix = self._valid()

    def _valid(self) -> dict[str, tuple[str, Caller]]:
        found: dict[str, tuple[str, Caller]] = {}
        for tenant, events in self._events.items():
            created: dict[str, ApiKeyCreated] = {}
            for _, event in effective([(recorded.version, recorded.event) for recorded in events]):
                match event:
                    case ApiKeyCreated():
                        created[event.key_id] = event
                    case ApiKeyRevoked():
                        created.pop(event.key_id, None)
                    case _:
                        continue
            for key in created.values():
                actions = allowed(key.role, key.scopes)
                caller = Caller(tenant, key.key_id, key.role, actions, sources(key.scopes))
                found[key.digest[:_PREFIX]] = (key.digest, caller)
        return found
