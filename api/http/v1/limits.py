"""What a request may be at most, settled before anything reads it; and the last word on what went wrong."""

import asyncio
import sys
from urllib.parse import unquote

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cli.tracebacks import write_traceback
from api.http.errors import Problem, answer, malformed
from api.http.v1.strict import given_twice

MOST_BYTES = 1_000_000
_PATIENCE = 30.0  # seconds a body may take to arrive
_BODIES = {"POST", "PUT", "PATCH"}
_EVENTS = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_OTHERS = "/hooks/"  # settle for themselves what they take
_ONCE = {
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "last-event-id",
    "origin",
    "sec-fetch-site",
    "x-csrf-token",
}  # of two, others on the way might read the other one


class Limits:
    """Refuses bodies that are too large, too slow, of another type or encoding, before a route sees them.

    What nobody else caught becomes a 500 that says nothing; where it went wrong is written to standard error,
    without the texts of errors that quote values.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, await _checked(scope, receive), sent)
        except Problem as problem:
            problem.headers["Connection"] = "close"  # there may be more of its body to come
            await (await answer(Request(scope), problem))(scope, receive, send)
        except Exception as cause:  # noqa: BLE001 - told in full, but without the values that texts of errors quote
            write_traceback(cause, sys.stderr)
            if begun:
                raise ConnectionError("the answer broke off") from None
            title = "Something went wrong here that is not the fault of the request."
            await (await answer(Request(scope), Problem(500, "internal", title)))(scope, receive, send)


async def _checked(scope: Scope, receive: Receive) -> Receive:
    """Return what the route will receive: the whole body at once. Raises Problem."""
    headers = Headers(scope=scope)
    told = headers.get("content-length", "0")
    _check_head(scope, headers, told)
    if scope["method"] not in _BODIES or scope["path"].startswith(_OTHERS):
        return receive
    if not told.isdigit() or int(told) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await _body(receive)
    except TimeoutError:
        title = "The request took too long to arrive."
        raise Problem(408, "request-timeout", title) from None
    if body:
        _check_type(headers, _types(scope["path"]))
    passed = False

    async def whole() -> Message:
        nonlocal passed
        if passed:
            return await receive()
        passed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return whole


def _check_head(scope: Scope, headers: Headers, length: str) -> None:
    """Raise Problem 400 for a head that others on the way might understand otherwise than we do."""
    if "\0" in scope["path"] or "\0" in unquote(scope["query_string"].decode("latin-1")):
        raise malformed([{"loc": ("address",), "msg": "no NUL character"}])
    twice = given_twice(name for name in headers.keys() if name in _ONCE or name.startswith("ce-"))  # noqa: SIM118 - a mapping would have each once
    if twice is not None:
        raise malformed([{"loc": ("header", twice), "msg": "given once"}])
    chunked = "transfer-encoding" in headers
    if chunked and "content-length" in headers:
        rule = "a body has a length or is chunked, not both"
        raise malformed([{"loc": ("header", "transfer-encoding"), "msg": rule}])
    if scope["method"] not in _BODIES and (chunked or length != "0"):
        raise malformed([{"loc": ("body",), "msg": f"a {scope['method']} has none"}])


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "malformed", "The request broke off.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(parts)


def _types(path: str) -> set[str]:
    if not path.startswith("/v1/"):
        return _FORMS
    return _EVENTS if path.rstrip("/") == "/v1/events" else {"application/json"}


def _check_type(headers: Headers, takes: set[str]) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported-encoding", "Bodies are sent as they are, without Content-Encoding.")
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    if kind.strip() not in takes:
        title = "The body is of a type that is not read here."
        raise Problem(415, "unsupported-media-type", title, {"Accept": ", ".join(sorted(takes))})
    for parameter in parameters.split(";"):
        name, _, charset = parameter.strip().partition("=")
        if name == "charset" and charset.strip('" ') not in {"utf-8", "utf8"}:
            raise Problem(400, "wrong-encoding", "Bodies are UTF-8.")


def _too_large() -> Problem:
    title = f"A body has at most {MOST_BYTES:,} bytes."
    return Problem(413, "too-large", title, limit=MOST_BYTES)
