"""Who is signed in: a secret in a cookie, found by its digest, ended by time, by its person or by an admin."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request, Response

from api.http.auth import Caller
from api.http.policy import allowed
from api.people import People
from streams.log import Log

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=14)
_SEEN = timedelta(minutes=1)
_FIND = (
    "SELECT tenant, person_id, created_at, seen_at < clock_timestamp() - %s FROM log.sessions "
    "WHERE digest = %s AND seen_at > clock_timestamp() - %s AND created_at > clock_timestamp() - %s"
)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of all tenants, in the database, so that every process knows them and a restart ends none."""

    log: Log
    people: People

    def begin(self, tenant: str, person_id: str) -> str:
        """Sign a person in; return the secret that proves it, which is kept nowhere."""
        secret = secrets.token_urlsafe(32)
        with self.log.connection() as connection:
            connection.execute(
                "WITH old AS (DELETE FROM log.sessions WHERE seen_at < clock_timestamp() - %s "
                "OR created_at < clock_timestamp() - %s) "
                "INSERT INTO log.sessions (digest, tenant, person_id) VALUES (%s, %s, %s)",
                (IDLE, ABSOLUTE, _digest(secret), tenant, person_id),
            )
        return secret

    def find(self, secret: str, *, noting: bool = True) -> Caller | None:
        """Return who is signed in by a secret; None where its session is unknown, too old or has ended.

        It is noted as used, unless it is not the person who asks (`noting`).
        A person whose access was revoked is signed in nowhere within a second, nor after a new invitation.
        """
        digest = _digest(secret)
        with self.log.connection() as connection:
            row = connection.execute(_FIND, (_SEEN, digest, IDLE, ABSOLUTE)).fetchone()
            if row is None:
                return None
            tenant, person_id, created_at, unnoted = row
            if unnoted and noting:
                connection.execute(
                    "UPDATE log.sessions SET seen_at = clock_timestamp() WHERE digest = %s", (digest,)
                )
        known = self.people.find(tenant, person_id)
        if known is None or known.role is None or known.invited_at > created_at:
            return None
        actions = allowed(known.role, ())
        return Caller(tenant, person_id, known.role, actions, (), machine=False, name=known.label)

    def end(self, secret: str) -> None:
        """Sign out here."""
        with self.log.connection() as connection:
            connection.execute("DELETE FROM log.sessions WHERE digest = %s", (_digest(secret),))

    def end_all(self, tenant: str, person_id: str) -> None:
        """Sign a person out everywhere."""
        with self.log.connection() as connection:
            connection.execute(
                "DELETE FROM log.sessions WHERE tenant = %s AND person_id = %s", (tenant, person_id)
            )


def cookie_name(request: Request, what: str = "session") -> str:
    """Return a cookie's name: over https one that no other host and no plain connection can set."""
    return f"{'__Host-' if _is_secure(request) else ''}backstory-{what}"


def read_cookie(request: Request, what: str = "session") -> str | None:
    """Return what a cookie of ours holds."""
    return request.cookies.get(cookie_name(request, what))


def set_cookie(request: Request, response: Response, value: str, what: str = "session") -> None:
    """Let the browser keep a cookie of ours: out of reach of scripts, not sent with what other sites post."""
    response.set_cookie(
        cookie_name(request, what),
        value,
        max_age=int(ABSOLUTE.total_seconds()) if what == "session" else None,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def clear_cookie(request: Request, response: Response, what: str = "session") -> None:
    """Take a cookie of ours back."""
    response.delete_cookie(
        cookie_name(request, what), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
