"""Clients that send slowly, endlessly, too much or nonsense, on real connections; and the others meanwhile."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from api.cli.role_api import listening
from api.http.app import create_app
from api.http.punctual import Punctual
from api.http.v1 import limits
from projections.schema import prepare
from streams.log import Log
from tests.acceptance.running import until
from tests.api.http.serving import served
from tests.api.http.v1.running import make_key

PATIENCE = 0.5


class Quick(Punctual):
    patience = PATIENCE


class Site:
    """A served application, asked byte by byte."""

    def __init__(self, port: int, secret: str) -> None:
        self.port, self.secret = port, secret

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            yield connection

    def head(self, *headers: str, line: str = "POST /v1/leads HTTP/1.1") -> bytes:
        given = [line, "Host: localhost", f"Authorization: Bearer {self.secret}", "Content-Type: application/json",
                 "Idempotency-Key: slow", *headers]  # fmt: skip
        return "\r\n".join(given).encode() + b"\r\n\r\n"

    def is_serving(self) -> bool:
        with self.connected() as connection:
            connection.sendall(self.head("Connection: close", line="GET /v1/leads HTTP/1.1"))
            return ended(connection)[0] == 200


def ended(connection: socket.socket) -> tuple[int, str]:
    """Return status and code of the answer, once the server has closed the connection; 0 where there is none."""
    told = b""
    try:
        while part := connection.recv(65536):
            told += part
    except ConnectionResetError:  # it was closed with some of what we sent unread
        pass
    if not told:
        return 0, ""
    head, _, body = told.partition(b"\r\n\r\n")
    found = json.loads(body) if body.startswith(b"{") else {}
    return int(head.split()[1]), found.get("code", "")


@pytest.fixture
def site(database: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(limits, "_PATIENCE", PATIENCE)
    prepare(database)
    with served(create_app(database, log), Quick) as port:
        yield Site(port, make_key(log, "admin"))


def dripping(connection: socket.socket, drop: bytes) -> Callable[[], bool]:
    """Return what sends one drop more, and says whether that could be sent."""

    def drip() -> bool:
        time.sleep(0.02)
        try:
            connection.sendall(drop)
        except OSError:
            return False
        return True

    return drip


def test_a_head_that_drips_is_given_up_with_408_though_it_goes_on(site: Site) -> None:
    with site.connected() as connection:
        connection.sendall(b"GET /v1/leads HTTP/1.1\r\nHost: localhost\r\n")
        drip = dripping(connection, b"X-More: more\r\n")
        until(lambda: not drip(), "the server closes")
        assert ended(connection) in {(408, "request-timeout"), (0, "")}
    with site.connected() as connection:
        connection.sendall(b"GET /v1/leads HTTP/1.1\r\nHost: localhost\r\n")
        assert ended(connection) == (408, "request-timeout")


def test_a_connection_on_which_nothing_comes_is_closed(site: Site) -> None:
    with site.connected() as connection:
        assert ended(connection) == (0, "")


def test_a_second_head_that_does_not_end_is_given_up_too(site: Site) -> None:
    with site.connected() as connection:
        connection.sendall(site.head(line="GET /health/live HTTP/1.1"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: loc")
        assert ended(connection) == (408, "request-timeout")


@pytest.mark.parametrize("kind", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_end_is_given_up_with_408_and_its_connection_closed(
    site: Site, kind: str
) -> None:
    with site.connected() as connection:
        connection.sendall(site.head(kind) + (b"" if "5000" in kind else b"5\r\n{    \r\n"))
        assert ended(connection) == (408, "request-timeout")
    with site.connected() as connection:
        connection.sendall(site.head(kind))
        drip = dripping(connection, b" " if "5000" in kind else b"1\r\n \r\n")
        until(lambda: not drip(), "the server closes")


def test_others_are_served_while_many_are_slow(site: Site) -> None:
    slow = [socket.create_connection(("127.0.0.1", site.port), timeout=20) for _ in range(100)]
    try:
        for number, connection in enumerate(slow):
            begun = b"GET /v1/leads HTTP/1.1\r\nX" if number % 2 else site.head("Content-Length: 5000")
            connection.sendall(begun)
        for _ in range(20):
            assert site.is_serving()
        assert {ended(connection) for connection in slow} == {(408, "request-timeout")}
    finally:
        for connection in slow:
            connection.close()


def flood(site: Site, head: bytes, part: bytes, times: int) -> tuple[int, str]:
    """Send a head and, as long as the server listens, more."""
    with site.connected() as connection:
        try:
            connection.sendall(head)
            for _ in range(times):
                connection.sendall(part)
        except OSError:
            pass
        return ended(connection)


def test_ten_megabytes_are_refused_unread_however_they_are_sent(site: Site) -> None:
    length = flood(site, site.head("Content-Length: 10000000"), b"x" * 100_000, 100)
    chunked = flood(
        site, site.head("Transfer-Encoding: chunked"), b"186a0\r\n" + b"x" * 100_000 + b"\r\n", 100
    )
    assert length in {
        (413, "too-large"),
        (0, ""),
    }  # the answer may be lost to a reset: we had not stopped sending
    assert chunked in {(413, "too-large"), (0, "")}
    with site.connected() as connection:
        connection.sendall(site.head("Content-Length: 10000000"))
        assert ended(connection) == (413, "too-large")
    assert site.is_serving()


@pytest.mark.parametrize("head", [b"X-Flood: " + b"x" * 200_000, b"X-Flood: x\r\n" * 20_000])
def test_a_flood_of_headers_is_refused(site: Site, head: bytes) -> None:
    told = flood(site, b"GET /v1/leads HTTP/1.1\r\nHost: localhost\r\n", head, 1)
    assert told in {(400, "malformed"), (0, "")}
    assert site.is_serving()


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/leads HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /v1/leads HTTP/1.1\r\n\r\n",
        b"POST /v1/leads HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/leads HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so(site: Site, sent: bytes) -> None:
    with site.connected() as connection:
        connection.sendall(sent)
        assert ended(connection) == (400, "malformed")


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("POST /v1/leads HTTP/1.1", ["Transfer-Encoding: chunked", "Content-Length: 5"]),
        ("GET /v1/leads HTTP/1.1", ["Content-Length: 5"]),
        ("GET /v1/leads HTTP/1.1", ["Transfer-Encoding: chunked"]),
        ("POST /v1/leads HTTP/1.1", ['If-Match: "1"', 'If-Match: "2"', "Content-Length: 5000"]),
        ("POST /v1/leads?q=%00 HTTP/1.1", ["Content-Length: 5000"]),
    ],
)
def test_what_two_servers_might_read_as_different_requests_is_refused_and_the_connection_closed(
    site: Site, line: str, headers: list[str]
) -> None:
    with site.connected() as connection:
        connection.sendall(
            site.head(*headers, line=line) + b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        assert ended(connection) == (400, "malformed")


def test_a_connection_sends_what_it_has_at_once() -> None:
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
