"""Who asks: API keys by the digest of their secret, known from the log itself, and how often each may ask."""

import hashlib
import hmac
import threading
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from api.http.errors import Problem
from api.http.policy import allowed, sources
from commands.tenants import KEYS
from domain.record import effective
from domain.tenant import ApiKeyCreated, ApiKeyRevoked
from streams.log import COLUMNS, Log
from streams.records import Recorded

OWN_SOURCE = "backstory"
"""The source of what is asked in no other source's name."""

_FRESH = 1.0  # seconds a look at the keys is good for
_PREFIX = 16  # digits of a digest that find it; the rest is compared in constant time
_TENANTS = (
    "WITH RECURSIVE t AS ((SELECT tenant FROM log.events ORDER BY tenant LIMIT 1) UNION ALL "
    "SELECT (SELECT e.tenant FROM log.events e WHERE e.tenant > t.tenant ORDER BY e.tenant LIMIT 1) "
    "FROM t WHERE t.tenant IS NOT NULL) "
)
_NEW = (
    f"{_TENANTS} SELECT {COLUMNS} FROM log.events WHERE tenant IN (SELECT tenant FROM t) "
    "AND stream = %s AND position > %s ORDER BY position"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who may ask within one tenant. `machine` asks by key, so must name each request."""

    tenant: str
    key_id: str
    role: str
    actions: AbstractSet[str]
    sources: tuple[str, ...]
    machine: bool = True

    @property
    def actor(self) -> str:
        """How the log names who asked."""
        return f"key:{self.key_id}"

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
class Bucket:
    """A token bucket: `rate` requests a second, `burst` at once."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


@dataclass(slots=True)
class Keys:
    """The keys of all tenants as the log has them, at most a second old; `rate` requests a second for each."""

    log: Log
    rate: float
    burst: float
    _position: int = 0
    _looked_at: float = -_FRESH
    _events: dict[str, list[Recorded]] = field(default_factory=dict)
    _by_prefix: dict[str, tuple[str, Caller]] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def cached(self, secret: str) -> Caller | None:
        """Return whose secret this is by a look not older than a second, without asking the database."""
        return self._find(secret) if time.monotonic() - self._looked_at < _FRESH else None

    def find(self, secret: str) -> Caller | None:
        """Return whose secret this is, None if nobody's: then by a look that began after this question."""
        asked_at = time.monotonic()
        if asked_at - self._looked_at >= _FRESH:
            self._look(asked_at - _FRESH)
        found = self._find(secret)
        if found is None:
            self._look(asked_at)
            found = self._find(secret)
        return found

    def take(self, caller: Caller) -> None:
        """Count a request. Raises Problem 429 when the key asks too often."""
        if (wait := self._take(caller)) > 0:
            title = "This key asks too often."
            raise Problem(429, "too-many-requests", title, {"Retry-After": str(int(wait) + 1)})

    def _take(self, caller: Caller) -> float:
        now = time.monotonic()
        with self._counting:
            whose = (caller.tenant, caller.key_id)
            bucket = self._buckets.get(whose)
            if bucket is None:
                bucket = self._buckets[whose] = Bucket(self.rate, self.burst, self.burst, now)
            return bucket.take(now)

    def _find(self, secret: str) -> Caller | None:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        known, caller = self._by_prefix.get(digest[:_PREFIX], ("", None))
        return caller if hmac.compare_digest(known, digest) else None

    def _look(self, not_before: float) -> None:
        """Read what is new about keys, unless another thread began to after `not_before`."""
        with self._looking:
            if self._looked_at > not_before:
                return
            began = time.monotonic()
            with self.log.connection() as connection:
                rows = connection.execute(_NEW, (KEYS, self._position)).fetchall()
            for recorded in self.log.decode(rows):
                self._events.setdefault(recorded.tenant, []).append(recorded)
                self._position = recorded.position
            if rows:
                self._by_prefix = self._valid()
            self._looked_at = began

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
