"""A visit: what every page has of its request, and the one way in: who is signed in, and whether they may."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from api.http.auth import OWN_SOURCE, Caller
from api.http.errors import Problem
from api.http.v1.entry import refusal
from api.http.v1.read_pool import MOST
from api.http.v1.service import Service
from api.pages import forgery
from api.pages.entrance import Entrance
from api.pages.headers import PAGE_HEADERS
from api.pages.sessions import Sessions, clear_cookie, read_cookie, set_cookie
from api.pages.templates import ZONE, environment
from commands.command import Answer, Command, Context
from commands.desk import Desk
from commands.handle import handle
from commands.names import SETTINGS
from domain.tenant import NEW, Tenant
from streams.randomness import random_uuid

_ONCE = "once"  # the form field that makes a repeated submission harmless
_FLASH = "flash"
_MOST_FIELDS = 5_000  # of a form: a thousand rules for follow-ups have as many


@dataclass(frozen=True, slots=True)
class Guest:
    """A request of someone who may be nobody: what a page is made of."""

    request: Request
    service: Service
    secret: str
    form: Mapping[str, str]
    caller: Caller | None = None

    @property
    def entrance(self) -> Entrance:
        """How people come in."""
        found: Entrance = self.request.app.state.entrance
        return found

    @property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        found: Sessions = self.request.app.state.sessions
        return found

    @property
    def csrf(self) -> str:
        """The token that every form and every request of htmx carries."""
        return forgery.token_of(self.secret)

    @property
    def partial(self) -> bool:
        """Whether htmx asks, for a part of the page."""
        return is_partial(self.request)

    @property
    def settings(self) -> Tenant:
        """The settings of the tenant that the page is about; of none, the usual ones."""
        return NEW

    def page(self, template: str, status: int = 200, **context: object) -> HTMLResponse:
        """Return a page, or a part of one, of a template: it sees `visit`, `flash` and the context."""
        flash = read_flash(self.request) if not self.partial else None
        ZONE.set(self.settings.time_zone)
        text = environment().get_template(template).render(visit=self, flash=flash, **context)
        response = HTMLResponse(text, status, dict(PAGE_HEADERS))
        if flash:
            clear_cookie(self.request, response, _FLASH)
        if self.caller is None and read_cookie(self.request) != self.secret:
            set_cookie(self.request, response, self.secret)
        return response

    def redirect(self, to: str, flash: str | None = None) -> Response:
        """Lead to another page, which shows `flash` (nothing personal) once."""
        response: Response = RedirectResponse(to, 303, dict(PAGE_HEADERS))
        if self.partial:
            response = Response(None, 200, {**PAGE_HEADERS, "HX-Redirect": to})
        if flash:
            set_cookie(self.request, response, urlsafe_b64encode(msgspec.json.encode(flash)).decode(), _FLASH)
        return response


@dataclass(frozen=True, slots=True)
class Visit(Guest):
    """A request of someone who is signed in and may do what the page does."""

    caller: Caller

    @property
    def settings(self) -> Tenant:
        """The settings of the visitor's tenant, as they were when this visit first asked."""
        found: Tenant | None = getattr(self.request.state, "settings", None)
        if found is None:
            found = Desk(self.service.log, self.caller.tenant).state(SETTINGS)
            self.request.state.settings = found
        return found

    def reading(self, most: float = MOST) -> AbstractContextManager[psycopg.Connection]:
        """Lend a read-only transaction that sees the visitor's tenant, as `ReadPool.of` says."""
        return self.service.reads.of(self.caller.tenant, most)

    def do(self, command: Command, *, expected: int | None = None) -> Answer:
        """Do what the visitor asks, once for each form that was shown; `expected` is the version they saw.

        Raises what `commands.handle` raises; nothing of it needs to be caught: see problems.py.
        """
        context = Context(
            tenant=self.caller.tenant,
            actor=self.caller.actor,
            source=OWN_SOURCE,
            now=datetime.now(UTC),
            command_id=self._command_id(),
            expected=expected,
        )
        return handle(self.service.log, command, context)

    def new_id(self) -> str:
        """Return an id for what a form makes: the same when the form is sent twice."""
        return self._command_id() or str(random_uuid())

    def passed(self, position: int) -> bool:
        """Wait, within bounds, until the read models have passed a position; say whether they have."""
        return self.service.passed(position)

    def named(self, actor: str) -> str:
        """Return how people call who did something: a colleague by name."""
        kind, _, ident = actor.partition(":")
        if kind != "person":
            return "an API key" if kind == "key" else actor
        known = self.sessions.people.find(self.caller.tenant, ident)
        return "someone" if known is None else known.label

    def _command_id(self) -> str | None:
        once = self.form.get(_ONCE)
        if once is None:
            return None
        parts = ("page", self.caller.tenant, self.caller.key_id, self.request.url.path, once)
        return f"page-{self.service.log.keyring.digest(*parts).hex()[:48]}"


def is_partial(request: Request) -> bool:
    """Say whether htmx asks for a part of a page."""
    return "hx-request" in request.headers and request.headers.get("hx-request-type") != "full"


def read_flash(request: Request) -> str | None:
    """Return what the page before wanted to be said once."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(read_cookie(request, _FLASH) or ""), type=str)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Visiting:
    """The one way in to a page: finds who is signed in, and lets pass who may do `action`."""

    action: str

    async def __call__(self, request: Request) -> Visit:
        """Return the visit. Raises Problem 401 (which leads to the sign-in), 403, 404 or 429."""
        service: Service = request.app.state.service
        sessions: Sessions = request.app.state.sessions
        secret = read_cookie(request)
        request.state.visit = None  # nor is it asked again while the database is away
        caller = None if secret is None else await run_in_threadpool(sessions.find, secret)
        if caller is None or secret is None:
            raise Problem(401, "sign-in-needed", "Please sign in.")
        request.state.visit = Guest(request, service, secret, {}, caller)
        service.keys.limit(caller)
        visit = Visit(request, service, secret, await form_of(request), caller)
        request.state.visit = visit
        forgery.check(request, visit.form, visit.csrf)
        if not caller.may(self.action):
            raise await refusal(self.action, service.log, caller, request)
        return visit


def visitor(action: str) -> Any:  # noqa: ANN401 - as fastapi has it
    """Return the dependency by which a page lets pass who may do `action`."""
    return Depends(Visiting(action))


async def passing(request: Request) -> Guest:
    """Return the visit of someone who need not be signed in. Raises Problem 403 for a forged form."""
    service: Service = request.app.state.service
    sessions: Sessions = request.app.state.sessions
    secret = read_cookie(request)
    request.state.visit = None
    caller = None if secret is None else await run_in_threadpool(sessions.find, secret)
    guest = Guest(request, service, secret or secrets.token_urlsafe(32), await form_of(request), caller)
    request.state.visit = guest
    forgery.check(request, guest.form, guest.csrf)
    return guest


def guest() -> Any:  # noqa: ANN401 - as fastapi has it
    """Return the dependency of a page that is open to everyone."""
    return Depends(passing)


async def form_of(request: Request) -> dict[str, str]:
    """Return the texts of a submitted form, the last of each name. Raises Problem 400 for a NUL character."""
    if request.method in forgery.SAFE:
        return {}
    form = await request.form(max_fields=_MOST_FIELDS)
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    if any("\0" in text for text in (*texts, *texts.values())):
        raise Problem(400, "malformed", "Texts have no NUL character.")
    return texts


def sign_in_address(request: Request) -> str:
    """Return where to sign in so as to come back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(here, safe='')}" if request.method == "GET" and here != "/" else "/sign-in"
