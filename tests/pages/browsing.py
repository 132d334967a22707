"""How the tests of the pages ask, browse and look."""

import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route

from api.pages.forgery import HEADER, token_of
from commands.command import Answer, ChooseTimeZone, Command, Context, InvitePerson
from commands.handle import handle
from streams.log import Log
from tests.acceptance.running import PATIENCE

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_SETTLED = """
() => new Promise(requestAnimationFrame)
    .then(() => Promise.allSettled(document.getAnimations().map(one => one.finished)))
    .then(() => new Promise(requestAnimationFrame))
    .then(() => null)
"""
"""What the page does once it is painted and no colour is still on its way to another."""


@dataclass(frozen=True)
class Site:
    """A running service, as one tenant's people see it."""

    url: str
    log: Log
    app: FastAPI
    tenant: str = "main"

    def of(self, tenant: str) -> "Site":
        return replace(self, tenant=tenant)

    def do(self, command: Command, *, source: str = "backstory", at: datetime | None = None) -> Answer:
        """Do something in the tenant and wait until the pages show it."""
        answer = self.do_unseen(command, source=source, at=at)
        assert self.app.state.service.passed(answer.position)
        return answer

    def do_unseen(self, command: Command, *, source: str = "backstory", at: datetime | None = None) -> Answer:
        """Do something in the tenant, whether pages show it yet or not."""
        now = at or datetime.now(UTC)
        context = Context(tenant=self.tenant, actor="test", source=source, now=now)
        return handle(self.log, command, context)

    def session(self, role: str) -> str:
        """Sign somebody of a role in; return the secret of the session."""
        person = self.person(role)
        secret: str = self.app.state.sessions.begin(self.tenant, person.id)
        return secret

    def person(self, role: str, email: str | None = None) -> Answer:
        """Invite somebody."""
        address = email or f"{uuid.uuid4().hex[:12]}@example.org"
        return self.do(InvitePerson(email=address, role=role, name=f"Robin {role.capitalize()}"))

    def cookie(self, role: str) -> Any:
        return {"name": "backstory-session", "value": self.session(role), "url": self.url}

    def client(self, role: str | None = None) -> httpx.Client:
        """Return a plain client, signed in, that carries the token of its session."""
        if role is None:
            return httpx.Client(base_url=self.url, timeout=PATIENCE)
        secret = self.session(role)
        cookies = {"backstory-session": secret}
        return httpx.Client(
            base_url=self.url, cookies=cookies, headers={HEADER: token_of(secret)}, timeout=PATIENCE
        )

    def until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=PATIENCE).json()["ready"]:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the service is not ready"
            time.sleep(0.02)

    def wake(self) -> None:
        """Record an event, which wakes the projector so that it sees that it should stop."""
        context = Context(tenant="wake", actor="test", source="backstory", now=datetime.now(UTC))
        handle(self.log, ChooseTimeZone(time_zone="Europe/Berlin"), context)


@dataclass
class Watch:
    """Keeps every console error, broken policy, failed script and request to another host."""

    url: str
    found: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def allow(self, *statuses: int) -> None:
        """Let the console report answers of these statuses: the test asks for them."""
        self.allowed |= set(statuses)

    def allow_text(self, text: str) -> None:
        """Let the console say this: the test makes it."""
        self.texts.add(text)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(str(error.error)))
        context.route("**/*", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if any(f"responded with a status of {status} " in message.text for status in self.allowed):
            return
        if any(text in message.text for text in self.texts):
            return
        self.found.append(f"{message.type}: {message.text}")

    def _request(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc not in {urlsplit(self.url).netloc, *self.hosts}:
            self.found.append(f"asked another host: {route.request.url}")
            route.abort()
        else:
            route.continue_()


def signed_in(page: Page, site: Site, role: str) -> Page:
    """Sign somebody of a role in on this page's browser; return the page."""
    page.context.add_cookies([site.cookie(role)])
    return page


def axe(page: Page) -> None:
    """Assert that axe finds nothing on the page, light and dark, on a desk's screen and on a phone's."""
    before = page.viewport_size
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            settle(page)
            results = Axe().run(page, options=_RULES)
            found = [
                (violation["id"], node["target"], node.get("failureSummary"))
                for violation in results.response["violations"]
                for node in violation["nodes"]
            ]
            assert found == [], (size, scheme, found)
    assert_no_sideways_scroll(page)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(before or DESK)


def settle(page: Page) -> None:
    """Wait until the page is painted as it stays."""
    page.evaluate(_SETTLED)


def assert_no_sideways_scroll(page: Page) -> None:
    """Assert that the page as a whole, with all its styles, is not wider than the screen."""
    page.wait_for_load_state()
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"the page is {wider} px wider than the screen"
