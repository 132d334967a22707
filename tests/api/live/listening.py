"""Streams of the live feed, as a program hears them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from tests.pages.browsing import Site


class Heard(NamedTuple):
    event: str
    data: dict[str, Any]
    ident: int | None


class Listener:
    """An open stream: `next("changed")` waits for the next message of a kind."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def messages(self) -> Iterator[Heard]:
        told: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                told[name] = value
            elif told:
                ident = int(told["id"]) if "id" in told else None
                yield Heard(told["event"], json.loads(told["data"]), ident)
                told = {}

    def next(self, event: str) -> Heard:
        return next(heard for heard in self.messages() if heard.event == event)


@contextmanager
def listening(
    site: Site, role: str = "rep", secret: str | None = None, last: int | str | None = None, **params: int
) -> Iterator[Listener]:
    """Open a stream, perhaps coming back after a position."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    cookies = {"backstory-session": secret or site.session(role)}
    with (
        httpx.Client(base_url=site.url, cookies=cookies, timeout=30) as client,
        client.stream("GET", "/live", headers=headers, params=params) as response,
    ):
        assert response.status_code == 200, response.read()
        yield Listener(response)
