"""Signing in by an e-mailed link, and out."""

import sys
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Response

from api.cli.tracebacks import write_traceback
from api.http.errors import Problem
from api.pages.links import Link, Links
from api.pages.sessions import clear_cookie, set_cookie
from api.pages.visit import Guest, guest
from domain.contact import email_key
from domain.errors import InvalidValue

router = APIRouter()
_START = "/"


@router.get("/sign-in")
def ask(visit: Annotated[Guest, guest()], next: str = _START) -> Response:  # noqa: A002 - the word in the address
    """Ask who wants to come in."""
    if visit.caller is not None:
        return visit.redirect(local(next))
    return visit.page("sign_in.html", leads_to=local(next), email="", error=None)


@router.post("/sign-in")
def send_link(visit: Annotated[Guest, guest()], later: BackgroundTasks) -> Response:
    """Send a link to who may come in. The answer, and the time it takes, are the same for everybody else."""
    leads_to = local(visit.form.get("next", _START))
    email = visit.form.get("email", "")
    try:
        address = email_key(email)
    except InvalidValue:
        address = ""
    if not address:
        error = "That is no e-mail address. One looks like ann@example.org."
        return visit.page("sign_in.html", 422, leads_to=leads_to, email=email, error=error)
    _limit(visit, address)
    later.add_task(_send, visit, address, leads_to)
    return visit.page("sign_in_sent.html")


@router.get("/sign-in/{token}")
def confirm(visit: Annotated[Guest, guest()], token: str) -> Response:
    """Ask for a click: what only looks at links, as scanners of mail do, uses none up."""
    if not Links(visit.service.log).is_good(token):
        return visit.page("sign_in_stale.html", 410)
    return visit.page("sign_in_confirm.html", token=token)


@router.post("/sign-in/{token}")
def come_in(visit: Annotated[Guest, guest()], token: str) -> Response:
    """Use the link up and begin a session, another than any before."""
    link = Links(visit.service.log).use(token)
    if link is None or not begin(visit, link, response := visit.redirect(link.leads_to)):
        return visit.page("sign_in_stale.html", 410)
    return response


@router.post("/sign-out")
def leave(visit: Annotated[Guest, guest()]) -> Response:
    """End this session, or with `everywhere` all of the person's."""
    if visit.caller is not None:
        if visit.form.get("everywhere"):
            visit.sessions.end_all(visit.caller.tenant, visit.caller.key_id)
        visit.sessions.end(visit.secret)
    response = visit.redirect("/sign-in", flash="You are signed out.")
    clear_cookie(visit.request, response)
    return response


def begin(visit: Guest, link: Link, response: Response) -> bool:
    """Sign in whom a link names, on this browser; False where they may not any more."""
    known = visit.sessions.people.find(link.tenant, link.person_id)
    if known is None or known.role is None:
        return False
    visit.sessions.end(visit.secret)
    set_cookie(visit.request, response, visit.sessions.begin(link.tenant, link.person_id))
    return True


def local(address: str) -> str:
    """Return an address of ours as it is, any other as the start: nobody is led elsewhere."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\", "/sign-in"))
    return address if ours and address.isprintable() else _START


def _limit(visit: Guest, address: str) -> None:
    """Count the question. Raises Problem 429."""
    client = visit.request.client
    wait = max(
        visit.entrance.by_address.take(client.host if client else ""),
        visit.entrance.by_email.take(visit.service.log.keyring.digest("sign-in", address)),
    )
    if wait > 0:
        title = "That was often. Look for the link that is on its way, or ask again later."
        raise Problem(429, "too-many-requests", title, {"Retry-After": str(int(wait) + 1)})


def _send(visit: Guest, address: str, leads_to: str) -> None:
    """Make the links of an address, if any, and send them. What fails is told where the service is run."""
    try:
        links = Links(visit.service.log)
        made = [
            (known.tenant, visit.entrance.url + links.make(Link(known.tenant, known.person_id, leads_to)))
            for known in visit.sessions.people.by_email(address)
        ]
        if made:
            visit.entrance.send(address, made)
    except Exception as cause:  # noqa: BLE001 - told in full, but without the values that texts of errors quote
        write_traceback(cause, sys.stderr)
