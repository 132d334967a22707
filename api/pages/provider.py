"""The way to an OpenID Connect provider and back."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from fastapi import APIRouter, Response

from api.http.errors import Problem, not_found
from api.http.head import get_only
from api.pages.links import Link, Links
from api.pages.oidc import Memo, NotConfirmed, Provider, Unavailable
from api.pages.sessions import clear_cookie, read_cookie, set_cookie
from api.pages.sign_in import begin, local
from api.pages.visit import Guest, guest

router = APIRouter()
_BACK = "/sign-in/with/provider/back"
_COOKIE = "provider"


@router.get("/sign-in/with/provider")
def go(visit: Annotated[Guest, guest()], next: str = "/") -> Response:  # noqa: A002 - the word in the address
    """Lead to the provider."""
    try:
        address, memo = _provider(visit).begin(visit.entrance.url + _BACK, local(next))
    except Unavailable as cause:
        raise _unavailable() from cause
    response = visit.redirect(address)
    kept = urlsafe_b64encode(msgspec.json.encode(memo)).decode()
    set_cookie(visit.request, response, kept, _COOKIE)
    return response


@router.get(get_only(_BACK))
def come_back(visit: Annotated[Guest, guest()], state: str = "", code: str = "") -> Response:
    """Sign in whom the provider confirms, if their address was invited."""
    memo = _memo(visit)
    if memo is None or not code or not hmac.compare_digest(memo.state.encode(), state.encode()):
        raise _refused("not-confirmed", "The sign-in was broken off or took too long. Please try again.")
    try:
        address = _provider(visit).confirmed_email(visit.entrance.url + _BACK, code, memo)
    except NotConfirmed as cause:
        raise _refused("not-confirmed", "The provider did not confirm your e-mail address.") from cause
    except Unavailable as cause:
        raise _unavailable() from cause
    found = visit.sessions.people.by_email(address)
    if not found:
        title = "Your account is known to the provider, but its address was not invited here."
        raise _refused("not-invited", title)
    leads_to = local(memo.leads_to)
    if len(found) == 1:
        response = visit.redirect(leads_to)
        begin(visit, Link(found[0].tenant, found[0].person_id, leads_to), response)
    else:
        links = Links(visit.service.log)
        choices = [(one.tenant, links.make(Link(one.tenant, one.person_id, leads_to))) for one in found]
        response = visit.page("sign_in_choose.html", choices=choices)
    clear_cookie(visit.request, response, _COOKIE)
    return response


def _provider(visit: Guest) -> Provider:
    if visit.entrance.provider is None:
        raise not_found()
    return visit.entrance.provider


def _memo(visit: Guest) -> Memo | None:
    try:
        return msgspec.json.decode(urlsafe_b64decode(read_cookie(visit.request, _COOKIE) or ""), type=Memo)
    except ValueError:
        return None


def _refused(code: str, title: str) -> Problem:
    return Problem(403, code, title)


def _unavailable() -> Problem:
    title = "The sign-in provider does not answer. Try again in a moment, or have a link sent to you."
    return Problem(503, "provider-unavailable", title, {"Retry-After": "10"})
