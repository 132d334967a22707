"""Sealed personal data: one AES-256-GCM key per person, wrapped by the master key, destroyed to forget them."""

import hmac
import os
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg_pool import ConnectionPool

from streams.errors import UnreadableEvent, WrongMasterKey
from streams.randomness import random_bytes

_NONCE = 12
_KEY = 32  # bytes of a key, the master key's too
_MOST_CACHED = 100_000
_MAKE = (
    "INSERT INTO log.keys (tenant, subject, wrapped) "
    "SELECT q.* FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS q "
    "WHERE EXISTS (SELECT FROM log.keys k WHERE (k.tenant, k.subject, k.wrapped) = (%s, %s, %s)) "
    "ON CONFLICT DO NOTHING RETURNING tenant, subject, wrapped"
)
LOG = ("", "log")  # whose key is the log's own: no tenant has an empty name


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that nobody has yet: its person's once an append has recorded it, nobody's where none did.

    `wrapped` is what is stored of it, `under` the log's own key as the same master key wraps it. `drops` is how many
    keys had been dropped when it was made.
    """

    cipher: AESGCM
    wrapped: bytes
    under: bytes
    drops: int


def rotated() -> WrongMasterKey:
    """Return the no to whoever has a master key that another has taken the place of."""
    return WrongMasterKey(field="BACKSTORY_MASTER_KEY", rule="the key this log was rotated to")


def cipher_of(master_key: bytes) -> AESGCM:
    """Return the cipher that wraps keys. Raises WrongMasterKey unless the key has 32 bytes."""
    if len(master_key) != _KEY:
        raise WrongMasterKey(field="BACKSTORY_MASTER_KEY", rule="32 bytes, base64")
    return AESGCM(master_key)


def wrap(master: AESGCM, tenant: str, subject: str, key: bytes) -> bytes:
    """Encrypt a key for `log.keys`; it opens in no other row."""
    nonce = random_bytes(_NONCE)
    return nonce + master.encrypt(nonce, key, _bound(tenant, subject, "key"))


def unwrap(master: AESGCM, tenant: str, subject: str, wrapped: bytes) -> bytes:
    """Return the key of a row of `log.keys`. Raises WrongMasterKey where another master key wrapped it."""
    try:
        return master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound(tenant, subject, "key"))
    except InvalidTag as cause:
        raise WrongMasterKey(field="BACKSTORY_MASTER_KEY", rule="the key this log was begun with") from cause


def _bound(tenant: str, subject: str, context: str) -> bytes:
    return f"{tenant}\x1f{subject}\x1f{context}".encode()


class Keyring:
    """Seals and opens personal fields with the keys in `log.keys`.

    `master_key` is 32 bytes; the first keyring of a log begins it: the log's own key, wrapped by the master key,
    proves every later master key and peppers the digests, so that these survive a change of the master key.
    Raises WrongMasterKey where another one wrapped the keys of this log.
    """

    def __init__(self, pool: ConnectionPool, master_key: bytes) -> None:
        self._pool = pool
        self._master = cipher_of(master_key)
        self._cache: dict[tuple[str, str], AESGCM | None] = {}
        self._drops = 0
        self._dropping = threading.Lock()
        with pool.connection() as connection:
            self._proof = self._begun(connection)
        self._digest = hmac.new(unwrap(self._master, *LOG, self._proof), digestmod="sha256")

    def digest(self, *parts: str) -> bytes:
        """Return a keyed digest of a value, equal for equal values and useless without the master key."""
        digest = self._digest.copy()  # hmac.digest would let every other thread go first
        digest.update("\x1f".join(parts).encode())
        return digest.digest()

    def load(self, subjects: Iterable[tuple[str, str]]) -> None:
        """Fetch the keys of these (tenant, subject) pairs that are not at hand, in one query."""
        missing = {pair for pair in subjects if pair not in self._cache}
        if missing:
            with self._pool.connection() as connection:
                self._fetch(connection, missing)

    def ensure(self, subjects: Iterable[tuple[str, str]]) -> None:
        """Make a key for each of these (tenant, subject) pairs that never had one.

        Raises WrongMasterKey when the master key was changed since this log was opened.
        """
        missing = {pair for pair in subjects if pair not in self._cache}
        if not missing:
            return
        made = [(*pair, self._new(*pair).wrapped) for pair in sorted(missing)]
        tenants, names, wrapped = zip(*made, strict=True)
        with self._pool.connection() as connection:
            rows = connection.execute(_MAKE, (list(tenants), list(names), list(wrapped), *LOG, self._proof))
            found = self._opened(rows.fetchall())
            if len(found) < len(missing):  # others made some of them
                found |= self._fetch(connection, missing - found.keys())
        if len(found) < len(missing):
            raise rotated()

    def new(self, subjects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NewKey]:
        """Return a new key for each of these (tenant, subject) pairs whose key is not at hand.

        It is used by nothing but the appends that record it, and never where these were refused or lost.
        """
        return {pair: self._new(*pair) for pair in subjects if pair not in self._cache}

    def keep(self, recorded: Mapping[tuple[str, str], NewKey]) -> None:
        """Keep new keys at hand, because the log has recorded them: unless one may have been destroyed since."""
        with self._dropping:
            self._keep({pair: key.cipher for pair, key in recorded.items() if key.drops == self._drops})

    def seal(
        self, tenant: str, subject: str, context: str, plain: bytes, new: NewKey | None = None
    ) -> str | None:
        """Encrypt `plain` under the subject's key, or the `new` one that its append records.

        None when that key was destroyed: it is forgotten at once.
        """
        if new is None:
            self.ensure([(tenant, subject)])
        key = self._key(tenant, subject) if new is None else new.cipher
        if key is None:
            return None
        nonce = random_bytes(_NONCE)
        return b64encode(nonce + key.encrypt(nonce, plain, _bound(tenant, subject, context))).decode()

    def open(self, tenant: str, subject: str, context: str, sealed: str) -> bytes | None:
        """Decrypt what `seal` gave for the same tenant, subject and context; None when the key was destroyed.

        Raises UnreadableEvent for anything else.
        """
        key = self._key(tenant, subject)
        if key is None:
            return None
        try:
            raw = b64decode(sealed, validate=True)
            return key.decrypt(raw[:_NONCE], raw[_NONCE:], _bound(tenant, subject, context))
        except (InvalidTag, ValueError) as cause:
            raise UnreadableEvent(
                type=context, rule="sealed fields open only where they were sealed"
            ) from cause

    def knows_destroyed(self, tenant: str, subject: str) -> bool:
        """Say whether a key is at hand as one that was destroyed."""
        return self._cache.get((tenant, subject), self._master) is None

    def renew(self, tenant: str, subject: str) -> None:
        """Fetch a key anew, because the log says that it was destroyed."""
        self.drop(tenant, subject)
        self.load([(tenant, subject)])

    def drop(self, tenant: str, subject: str) -> None:
        """Forget a cached key, because the log says that it was destroyed."""
        with self._dropping:
            self._drops += 1
            self._cache.pop((tenant, subject), None)

    def _begun(self, connection: Connection) -> bytes:
        """Return the log's own wrapped key; the first to ask makes it."""
        ask = "SELECT wrapped FROM log.keys WHERE (tenant, subject) = (%s, %s)"
        if row := connection.execute(ask, LOG).fetchone():
            return bytes(row[0])
        connection.execute(
            "INSERT INTO log.keys (tenant, subject, wrapped) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (*LOG, wrap(self._master, *LOG, os.urandom(_KEY))),
        )
        return self._begun(connection)

    def _new(self, tenant: str, subject: str) -> NewKey:
        key = random_bytes(_KEY)
        return NewKey(AESGCM(key), wrap(self._master, tenant, subject, key), self._proof, self._drops)

    def _key(self, tenant: str, subject: str) -> AESGCM | None:
        pair = (tenant, subject)
        try:
            return self._cache[pair]
        except KeyError:
            with self._pool.connection() as connection:
                found = self._fetch(connection, {pair})
        if pair not in found:
            raise UnreadableEvent(subject=subject, rule="its key is in log.keys, even when destroyed")
        return found[pair]

    def _fetch(
        self, connection: Connection, pairs: set[tuple[str, str]]
    ) -> dict[tuple[str, str], AESGCM | None]:
        tenants, names = zip(*pairs, strict=True)
        rows = connection.execute(
            "SELECT q.tenant, q.subject, found.wrapped FROM unnest(%s::text[], %s::text[]) AS q (tenant, subject) "
            "CROSS JOIN LATERAL (SELECT wrapped FROM log.keys k "
            "WHERE k.tenant = q.tenant AND k.subject = q.subject LIMIT 1) AS found",
            (list(tenants), list(names)),
        ).fetchall()
        return self._opened(rows)

    def _opened(self, rows: Iterable[tuple[str, str, bytes | None]]) -> dict[tuple[str, str], AESGCM | None]:
        """Unwrap keys, and keep them at hand."""
        found = {
            (tenant, subject): AESGCM(unwrap(self._master, tenant, subject, wrapped)) if wrapped else None
            for tenant, subject, wrapped in rows
        }
        self._keep(found)
        return found

    def _keep(self, found: Mapping[tuple[str, str], AESGCM | None]) -> None:
        if len(self._cache) > _MOST_CACHED:
            self._cache.clear()
        self._cache.update(found)
