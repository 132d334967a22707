"""One-time links to sign in with: unguessable, good once and for a quarter of an hour, kept as digests."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from streams.log import Log

GOOD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Link:
    """Whom a link signs in, and where it leads."""

    tenant: str
    person_id: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Links:
    """The links of all tenants."""

    log: Log

    def make(self, link: Link) -> str:
        """Return the address, without its host, that signs a person in once; old links are thrown away."""
        token = secrets.token_urlsafe(32)
        with self.log.connection() as connection:
            connection.execute(
                "WITH old AS (DELETE FROM log.sign_in_links WHERE created_at < clock_timestamp() - %s) "
                "INSERT INTO log.sign_in_links (digest, tenant, person_id, leads_to) VALUES (%s, %s, %s, %s)",
                (GOOD_FOR, _digest(token), link.tenant, link.person_id, link.leads_to),
            )
        return f"/sign-in/{token}"

    def is_good(self, token: str) -> bool:
        """Say whether a link could be used now; it stays as it is."""
        with self.log.connection() as connection:
            found = connection.execute(
                "SELECT FROM log.sign_in_links WHERE digest = %s AND created_at > clock_timestamp() - %s",
                (_digest(token), GOOD_FOR),
            )
            return found.fetchone() is not None

    def use(self, token: str) -> Link | None:
        """Use a link up; None where it was used, is too old or never was."""
        with self.log.connection() as connection:
            row = connection.execute(
                "DELETE FROM log.sign_in_links WHERE digest = %s "
                "RETURNING tenant, person_id, leads_to, created_at > clock_timestamp() - %s",
                (_digest(token), GOOD_FOR),
            ).fetchone()
        return Link(*row[:3]) if row is not None and row[3] else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
