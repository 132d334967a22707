"""JSON as the border reads it: UTF-8, not too deep, no NUL, and nothing that only some readers understand."""

import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from api.http.errors import Problem, malformed

DEEPEST = 20
BATCH = "application/cloudevents-batch+json"
"""The type of a body that is read member by member."""
_UNREAD = "backstory.unread"
_NUL = rb"\u0000"  # JSON has no other way to write it
_SPACE = re.compile(r"[ \t\n\r]*")


class _Odd(Exception):
    """What the standard library reads as a number and others do not: one beyond all bounds, or NaN."""


def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a JSON text says. Raises Problem 400 for what is none, ambiguous, or deeper than 20 levels."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "wrong-encoding", "The body is not UTF-8.") from None
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError):
        raise _unread(text) from None
    if _NUL in body or body.count(b"{") + body.count(b"[") > DEEPEST:
        _check(found, ())
    _NAMES.decode(text)
    return found


def decode_each(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a JSON text says; of an array, a Problem in place of each member that `decode` refuses."""
    try:
        return decode(body)
    except Problem as problem:
        members = None if problem.code == "wrong-encoding" else _members(body.decode())
        if members is None:
            raise
    return [_decoded(member.encode()) for member in members]


def _decoded(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return decode(body)
    except Problem as problem:
        return problem


def _members(text: str) -> list[str] | None:
    """Return the texts of an array's members, None for a text that is no array."""
    found: list[str] = []
    at = _past(text, 0)
    if not text.startswith("[", at):
        return None
    while not found or text.startswith(",", at):
        try:
            start = _past(text, at + 1)
            _, end = _LENIENT.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            return None
        found.append(text[start:end])
        at = _past(text, end)
    return found if text.startswith("]", at) and _past(text, at + 1) == len(text) else None


def _past(text: str, at: int) -> int:
    """Return where the white space ends that begins at a place."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _check_names(members: list[tuple[str, object]]) -> None:
    """Raise Problem 400 where two members of an object have one name: readers differ in which of them counts."""
    if len(dict(members)) < len(members):
        twice = given_twice(name for name, _ in members) or ""
        title = "The members of a JSON object have different names."
        raise Problem(400, "malformed-json", title, member=twice[:100])


def _number(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError):
        return _Odd()


_NAMES = json.JSONDecoder(object_pairs_hook=_check_names)
_LENIENT = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_number)


def given_twice(names: Iterable[str]) -> str | None:
    """Return the first name that is there for a second time, None where there is none."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _unread(text: str) -> Problem:
    """Return the 400 of a text that is not read as JSON: where, and if the standard library reads it, by which rule."""
    title = "The body is not JSON."
    try:
        _check(_LENIENT.decode(text), ())
    except json.JSONDecodeError as cause:
        return Problem(400, "malformed-json", title, line=cause.lineno, column=cause.colno)
    except RecursionError:
        return _too_deep()
    except Problem as problem:
        return problem
    return Problem(400, "malformed-json", title)


def _check(value: object, at: tuple[str | int, ...]) -> None:
    if isinstance(value, str):
        _check_text(value, at)
    elif isinstance(value, _Odd):
        raise _no_json(at, "a number that is not beyond all bounds")
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if len(at) >= DEEPEST and value and inner:
        raise _too_deep()
    for name, one in inner:
        if isinstance(name, str):
            _check_text(name, at)
        _check(one, (*at, name))


def _check_text(text: str, at: tuple[str | int, ...]) -> None:
    if "\0" in text:
        raise malformed([{"loc": ("body", *at), "msg": "a text without the NUL character"}])
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _no_json(at, "a text of whole characters, without half of a surrogate pair") from None


def _no_json(at: tuple[str | int, ...], rule: str) -> Problem:
    title = "The body is not JSON that everybody reads."
    return malformed([{"loc": ("body", *at), "msg": rule}], "malformed-json", title)


def _too_deep() -> Problem:
    return Problem(400, "too-deep", f"A body is at most {DEEPEST} levels deep.", limit=DEEPEST)


class StrictRequest(Request):
    """A request whose JSON is read by `decode`, a batch's by `decode_each`.

    What is wrong with it is kept until the caller is known (`read_problem`): who may not ask learns nothing else.
    """

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body's JSON, or None where it is wrong."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            return (decode_each if kind == BATCH else decode)(await self.body())
        except Problem as problem:
            self.scope[_UNREAD] = problem
            return None


def read_problem(request: Request) -> None:
    """Raise what was wrong with a request's JSON, if anything."""
    problem: Problem | None = request.scope.get(_UNREAD)
    if problem is not None:
        raise problem


class StrictRoute(APIRoute):
    """A route that reads JSON strictly."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether this is the route of a request: mostly not, as the first letters of its address tell."""
        return super().matches(scope) if scope["path"].startswith(self._begins) else (Match.NONE, {})

    @cached_property
    def _begins(self) -> str:
        return self.path.partition("{")[0]

    def get_route_handler(self) -> Any:  # noqa: ANN401 - as starlette has it
        """Return the handler of a request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Any:  # noqa: ANN401 - as starlette has it
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
