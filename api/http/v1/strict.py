"""JSON as the border reads it: UTF-8, not too deep, no NUL, and nothing that only some readers understand."""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from api.http.errors import Problem

DEEPEST = 20
_UNREAD = "backstory.unread"
_NUL = rb"\u0000"  # JSON has no other way to write it


def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a JSON text says. Raises Problem 400 for what is none, ambiguous, or deeper than 20 levels."""
    try:
        text = body.decode()
        found = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Problem(400, "wrong-encoding", "The body is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError):
        raise Problem(400, "malformed-json", "The body is not JSON.") from None
    if _NUL in body or body.count(b"{") + body.count(b"[") > DEEPEST:
        _check(found, 0)
    _NAMES.decode(text)
    return found


def _check_names(members: list[tuple[str, object]]) -> None:
    """Raise Problem 400 where two members of an object have one name: readers differ in which of them counts."""
    if len(dict(members)) < len(members):
        twice = given_twice(name for name, _ in members) or ""
        title = "The members of a JSON object have different names."
        raise Problem(400, "malformed-json", title, member=twice[:100])


_NAMES = json.JSONDecoder(object_pairs_hook=_check_names)


def given_twice(names: Iterable[str]) -> str | None:
    """Return the first name that is there for a second time, None where there is none."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Problem(400, "malformed", "Texts have no NUL character.")
        return
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and depth >= DEEPEST:
        raise _too_deep()
    for one in inner:
        _check(one, depth + 1)


def _too_deep() -> Problem:
    return Problem(400, "too-deep", f"A body is at most {DEEPEST} levels deep.", limit=DEEPEST)


class StrictRequest(Request):
    """A request whose JSON is read by `decode`.

    What is wrong with it is kept until the caller is known (`read_problem`): who may not ask learns nothing else.
    """

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body's JSON, or None where it is wrong."""
        try:
            return decode(await self.body())
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
