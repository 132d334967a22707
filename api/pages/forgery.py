"""No other site acts in a visitor's name: a token bound to the session, and where the request comes from."""

import hashlib
import hmac
from collections.abc import Mapping

from fastapi import Request

from api.http.errors import Problem

FIELD = "csrf"
HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token_of(secret: str) -> str:
    """Return the token that a page's forms carry: it follows from the session's secret and does not tell it."""
    return hashlib.sha256(f"csrf\0{secret}".encode()).hexdigest()


def check(request: Request, form: Mapping[str, str], token: str) -> None:
    """Raise Problem 403 unless an unsafe request carries the session's token and comes from a page of ours."""
    if request.method in SAFE:
        return
    given = request.headers.get(HEADER) or form.get(FIELD, "")
    if not (_is_ours(request) and hmac.compare_digest(given.encode(), token.encode())):
        title = (
            "This form is no longer good: it is from another session or another site. Load the page again."
        )
        raise Problem(403, "forged", title)


def _is_ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
