"""The one way in: who asks, and whether they may."""

import time
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.http.auth import Caller
from api.http.errors import Problem, not_found
from api.http.policy import reading
from api.http.v1.asking import Ask
from api.http.v1.service import Service, exists
from api.http.v1.strict import read_problem
from streams.log import Log


@dataclass(frozen=True, slots=True)
class May:
    """The one way in: finds the caller, and lets pass who may do `action`.

    Who may not, learns 403 only about what they may read and what exists for them; else it is not there: 404.
    """

    action: str

    async def __call__(self, request: Request) -> Ask:
        """Return the request of a caller who may ask it. Raises Problem 401, 403, 404 or 429."""
        service: Service = request.app.state.service
        secret = _secret(request)
        caller = service.keys.cached(secret)
        if caller is None:
            caller = await run_in_threadpool(service.keys.find, secret, time.monotonic())
        if caller is None:
            raise _unknown()
        service.keys.limit(caller)
        if not service.keys.is_noted(caller):
            await run_in_threadpool(service.keys.note, caller)
        if not caller.may(self.action):
            raise await refusal(self.action, service.log, caller, request)
        read_problem(request)
        return Ask(service, caller, request)


async def refusal(action: str, log: Log, caller: Caller, request: Request) -> Problem:
    """Return the no to who may not do an action: 403 about what they may read and what exists for them, else 404."""
    resource = reading(action)
    if not caller.may(resource):
        return not_found()
    kind = resource.partition(":")[0].removesuffix("s")
    ident = request.path_params.get(f"{kind}_id")
    stream = f"{kind}-{ident}"
    if ident is not None and not await run_in_threadpool(exists, log, caller.tenant, stream):
        return not_found()
    title = "The role or the scopes of this key do not allow this."
    return Problem(403, "forbidden", title, action=action)


def may(action: str) -> Any:  # noqa: ANN401 - as fastapi has it
    """Return the dependency by which a route lets pass who may do `action`."""
    return Depends(May(action))


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise _unknown()
    return secret.strip()


def _unknown() -> Problem:
    title = "This needs an API key that is known here: Authorization: Bearer bsk_..."
    return Problem(401, "unauthorized", title, {"WWW-Authenticate": "Bearer"})
