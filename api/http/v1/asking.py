"""Asking for a change: who, in whose name, once, on which version, and answered when."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from api.http.auth import Caller
from api.http.errors import Problem
from api.http.v1.service import Service, check_references, json_response
from commands.command import Answer, Command, Context
from domain.ids import kind_of
from streams.errors import WrongExpectedVersion
from streams.publication import published

_LONGEST_KEY = 255


NOTHING: Mapping[str, str | None] = MappingProxyType({})
NO_MORE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of one caller."""

    service: Service
    caller: Caller
    request: Request

    async def do(  # noqa: PLR0913 - what writes differ by
        self,
        command: Command,
        *,
        source: str | None = None,
        existing: str | None = None,
        refers: Mapping[str, str | None] = NOTHING,
        versioned: bool = True,
        shows: Mapping[str, object] = NO_MORE,
    ) -> Response:
        """Do what is asked and answer 201, or 200 when it was done before or there was nothing to do.

        `existing` is the stream of the record in the address: 404 where this tenant has none. `refers` names, by
        field of the body, the streams of other records: 422 where there is none. A command that is not `versioned`
        tells a fact, which no version can stop: If-Match is refused. `shows` is told beside the answer.
        """
        waits = await self.waits()
        expected = self.expected(versioned=versioned)
        context = self.context(self.caller.source(source), self.command_id(), expected)
        if existing is not None and not await self.exists(existing):
            raise _missing(existing)
        if any(refers.values()):
            await run_in_threadpool(check_references, self.service.log, self.caller.tenant, refers)
        with self._telling(expected):
            answer = await self.service.commands.handle(command, context)
        return await self.answered(answer, waits, shows)

    async def answered(
        self, answer: Answer, waits: str | None, shows: Mapping[str, object] = NO_MORE
    ) -> Response:
        """Return the answer to a write, once the caller has waited as they want; `shows` is told beside it."""
        headers = {"ETag": f'"{answer.version}"'} | await self.waited(waits, answer.position)
        return json_response({**answer_document(answer), **shows}, 201 if is_new(answer) else 200, headers)

    async def waited(self, waits: str | None, position: int) -> dict[str, str]:
        """Wait as the caller wants; return the header that says whether that was long enough."""
        if waits is None:
            return {}
        passed = waits == "recorded" or await run_in_threadpool(
            self.service.published if waits == "published" else self.service.passed, position
        )
        return {"Preference-Applied": f"wait={waits if passed else 'recorded'}"}

    def context(self, source: str, command_id: str | None, expected: int | None = None) -> Context:
        """Return who asks what, when."""
        return Context(
            tenant=self.caller.tenant,
            actor=self.caller.actor,
            source=source,
            now=datetime.now(UTC),
            command_id=command_id,
            expected=expected,
        )

    def command_id(self) -> str | None:
        """Return the id of this request's command, from its Idempotency-Key; nobody can read that from it."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            if self.caller.machine and self.request.method == "POST":
                title = "A POST needs an Idempotency-Key: the same key makes a repeat harmless."
                raise Problem(400, "idempotency-key-missing", title)
            return None
        if not 0 < len(key) <= _LONGEST_KEY:
            title = f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters."
            raise Problem(400, "idempotency-key-malformed", title)
        digest = self.service.log.keyring.digest("http", self.caller.tenant, self.caller.key_id, key)
        return f"http-{digest.hex()[:48]}"

    def derived_id(self, what: str) -> str:
        """Return an id for something this request creates: the same when it is repeated."""
        command_id = self.command_id()
        return str(
            uuid.uuid4() if command_id is None else uuid.uuid5(uuid.NAMESPACE_URL, f"{command_id}/{what}")
        )

    def seed(self, what: str) -> bytes | None:
        """Return 32 secret bytes for something this request creates, the same when it is repeated; None without key."""
        command_id = self.command_id()
        if command_id is None:
            return None
        return self.service.log.keyring.digest(what, self.caller.tenant, command_id)

    async def exists(self, stream: str) -> bool:
        """Say whether the caller's tenant has a stream."""
        about = self.caller.tenant, stream
        return self.service.knows(*about) or await run_in_threadpool(self.service.exists, *about)

    async def waits(self) -> str | None:
        """Return how long the caller wants to wait, None where nothing is said. Raises Problem 400."""
        for preference in ",".join(self.request.headers.getlist("prefer")).split(","):
            name, _, told = preference.partition(";")[0].partition("=")  # as RFC 7240 has it
            value = told.strip().strip('"')
            if name.strip().lower() != "wait" or value not in {"recorded", "published", "projected"}:
                continue
            if value == "published" and await run_in_threadpool(published, self.service.log) is None:
                title = "No relay publishes this log: wait for recorded or projected."
                raise Problem(400, "wait-unsupported", title, supported=["recorded", "projected"])
            return value
        return None

    def expected(self, *, versioned: bool) -> int | None:
        """Return the version that If-Match names, None without one. Raises Problem 400, also where it is not taken."""
        told = self.request.headers.get("if-match")
        if told is None:
            return None
        if not versioned:
            title = "This is recorded at any version: it takes no If-Match."
            raise Problem(400, "if-match-unsupported", title)
        number = told.strip().removeprefix('"').removesuffix('"')
        if told.strip() != f'"{number}"' or not (number.isascii() and number.isdigit()) or len(number) > 9:  # noqa: PLR2004
            raise Problem(400, "if-match-malformed", 'If-Match names one version in quotes, such as "3".')
        return int(number)

    @contextmanager
    def _telling(self, expected: int | None) -> Iterator[None]:
        """Tell a version that has moved on as a failed If-Match where there was one."""
        try:
            yield
        except WrongExpectedVersion as cause:
            if expected is None:
                raise
            if cause.current == 0:
                raise _missing(cause.stream) from None
            title = "The record has moved on since the version that If-Match names."
            expected, current = cause.expected, cause.current
            raise Problem(412, "version-mismatch", title, expected=expected, current=current) from cause


def answer_document(answer: Answer) -> dict[str, object]:
    """Return what a write answers: where it stands, and what looks wrong."""
    document: dict[str, object] = {"id": answer.id, "position": answer.position, "version": answer.version}
    return {**document, "anomalies": list(answer.anomalies)} if answer.anomalies else document


def is_new(answer: Answer) -> bool:
    """Say whether a write recorded something now."""
    return answer.events > 0 and not answer.repeated


def _missing(stream: str) -> Problem:
    kind = kind_of(stream)
    return Problem(404, f"{kind}-not-found", f"There is no such {kind}.")


def referred(**ids: str | None) -> dict[str, str | None]:
    """Return, by field of a body, the stream of the record that each id names: customer_id names a customer."""
    return {
        field: None if ident is None else f"{field.removesuffix('_id')}-{ident}"
        for field, ident in ids.items()
    }
