"""Sealed personal data: one AES-256-GCM key per person, wrapped by the master key, destroyed to forget them."""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg_pool import ConnectionPool

from streams.errors import WrongMasterKey

_NONCE = 12
_MOST_CACHED = 100_000


class Keyring:
    """Seals and opens personal fields with the keys in `log.keys`.

    `master_key` is 32 bytes. Raises WrongMasterKey where it did not wrap the keys of this log.
    """

    def __init__(self, pool: ConnectionPool, master_key: bytes) -> None:
        if len(master_key) != 32:
            raise WrongMasterKey(field="BACKSTORY_MASTER_KEY", rule="32 bytes, base64")
        self._pool = pool
        self._master = AESGCM(master_key)
        self._pepper = hmac.digest(master_key, b"backstory/claims", hashlib.sha256)
        self._cache: dict[tuple[str, str], AESGCM | None] = {}

    def digest(self, *parts: str) -> bytes:
        """Return a keyed digest of a value, equal for equal values and useless without the master key."""
        return hmac.digest(self._pepper, "\x1f".join(parts).encode(), hashlib.sha256)

    def load(self, subjects: Iterable[tuple[str, str]]) -> None:
        """Fetch the keys of these (tenant, subject) pairs that are not at hand, in one query."""
        missing = {pair for pair in subjects if pair not in self._cache}
        if missing:
            with self._pool.connection() as connection:
                self._fetch(connection, missing)

    def ensure(self, subjects: Iterable[tuple[str, str]]) -> None:
        """Make a key for each of these (tenant, subject) pairs that never had one."""
        missing = {pair for pair in subjects if pair not in self._cache}
        if not missing:
            return
        made = [(tenant, subject, self._wrap(tenant, subject)) for tenant, subject in sorted(missing)]
        tenants, names, wrapped = zip(*made, strict=True)
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO log.keys (tenant, subject, wrapped) "
                "SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ON CONFLICT DO NOTHING",
                (list(tenants), list(names), list(wrapped)),
            )
            self._fetch(connection, missing)

    def seal(self, tenant: str, subject: str, context: str, plain: bytes) -> str | None:
        """Encrypt `plain` under the subject's key; None when that key was destroyed: it is forgotten at once."""
        self.ensure([(tenant, subject)])
        key = self._cache[tenant, subject]
        if key is None:
            return None
        nonce = os.urandom(_NONCE)
        return b64encode(nonce + key.encrypt(nonce, plain, self._bound(tenant, subject, context))).decode()

    def open(self, tenant: str, subject: str, context: str, sealed: str) -> bytes | None:
        """Decrypt what `seal` gave for the same tenant, subject and context; None when the key was destroyed."""
        self.load([(tenant, subject)])
        key = self._cache[tenant, subject]
        if key is None:
            return None
        raw = b64decode(sealed)
        try:
            return key.decrypt(raw[:_NONCE], raw[_NONCE:], self._bound(tenant, subject, context))
        except InvalidTag as cause:
            raise WrongMasterKey(subject=subject, context=context) from cause

    def drop(self, tenant: str, subject: str) -> None:
        """Forget a cached key, because the log says that it was destroyed."""
        self._cache.pop((tenant, subject), None)

    def _wrap(self, tenant: str, subject: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._master.encrypt(nonce, os.urandom(32), self._bound(tenant, subject, "key"))

    def _fetch(self, connection: Connection, pairs: set[tuple[str, str]]) -> None:
        if len(self._cache) > _MOST_CACHED:
            self._cache.clear()
        tenants, names = zip(*pairs, strict=True)
        rows = connection.execute(
            "SELECT k.tenant, k.subject, k.wrapped FROM unnest(%s::text[], %s::text[]) AS q (tenant, subject) "
            "JOIN log.keys k USING (tenant, subject)",
            (list(tenants), list(names)),
        ).fetchall()
        self._cache.update(dict.fromkeys(pairs))
        for tenant, subject, wrapped in rows:
            self._cache[tenant, subject] = None if wrapped is None else self._unwrap(tenant, subject, wrapped)

    def _unwrap(self, tenant: str, subject: str, wrapped: bytes) -> AESGCM:
        try:
            bound = self._bound(tenant, subject, "key")
            return AESGCM(self._master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bound))
        except InvalidTag as cause:
            raise WrongMasterKey(subject=subject) from cause

    @staticmethod
    def _bound(tenant: str, subject: str, context: str) -> bytes:
        return "\x1f".join((tenant, subject, context)).encode()
