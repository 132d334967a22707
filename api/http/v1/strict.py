"""JSON as the border reads it: UTF-8, not too deep, no NUL, and nothing that only some readers understand."""

from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request

from api.http.errors import Problem

DEEPEST = 20
_UNREAD = "backstory.unread"
_NUL = rb"\u0000"  # JSON has no other way to write it


def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a JSON text says. Raises Problem 400 for what is none, or deeper than 20 levels."""
    try:
        body.decode()
        found = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Problem(400, "wrong-encoding", "The body is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError):
        raise Problem(400, "malformed-json", "The body is not JSON.") from None
    if _NUL in body or body.count(b"{") + body.count(b"[") > DEEPEST:
        _check(found, 0)
    return found


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

    def get_route_handler(self) -> Any:  # noqa: ANN401 - as starlette has it
        """Return the handler of a request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Any:  # noqa: ANN401 - as starlette has it
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
