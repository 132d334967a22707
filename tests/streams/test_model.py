"""Any course of appends, claims, commands and forgetting leaves the log as a plain dict would be."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg.conninfo import make_conninfo

from streams.errors import ClaimTaken, CommandReused, LogRefusal, WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Appended, Change
from tests.conftest import MASTER_KEY
from tests.streams.requests import asked, email, paid

STREAMS = st.sampled_from(["order-1", "order-2", "order-3"])
VALUES = st.sampled_from(["ann@example.com", "bob@example.com"])
TENANTS = st.sampled_from(["one", "two"])


@dataclass
class Model:
    log: list[tuple[str, str, int]] = field(default_factory=list)
    commands: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)

    def version(self, tenant: str, stream: str) -> int:
        return sum(entry[:2] == (tenant, stream) for entry in self.log)

    def append(self, request: Append) -> tuple[type, int]:
        """Return how the request must end: as which class, at which position."""
        tenant, key = request.tenant, request.asked
        if key is not None and (tenant, key.command_id) in self.commands:
            content, position = self.commands[tenant, key.command_id]
            return (Appended, position) if content == key.fingerprint.decode() else (CommandReused, 0)
        if any(self.version(tenant, change.stream) != change.expected for change in request.changes):
            return WrongExpectedVersion, 0
        if any(
            self.claims.get((tenant, claim.value), claim.stream) != claim.stream for claim in request.claims
        ):
            return ClaimTaken, 0
        for change in request.changes:
            versions = range(change.expected + 1, change.expected + len(change.events) + 1)
            self.log += [(tenant, change.stream, version) for version in versions]
        for stream in request.release_streams:
            held = [place for place, holder in self.claims.items() if place[0] == tenant and holder == stream]
            for place in held:
                del self.claims[place]
        self.claims |= {(tenant, claim.value): claim.stream for claim in request.claims}
        if key is not None:
            self.commands[tenant, key.command_id] = (key.fingerprint.decode(), len(self.log))
        return Appended, len(self.log)


class LogMachine(RuleBasedStateMachine):
    conninfo = ""

    def __init__(self) -> None:
        super().__init__()
        self.name = f"model_{secrets.token_hex(6)}"
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            template = connection.info.dbname
        self.server = make_conninfo(self.conninfo, dbname="postgres")
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name} TEMPLATE {template}".encode())
        self.log = Log(make_conninfo(self.conninfo, dbname=self.name), MASTER_KEY, connections=2)
        self.model = Model()

    def teardown(self) -> None:
        self.log.close()
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)".encode())

    def request(self, tenant: str, streams: list[str], off: int, **more: Any) -> Append:
        changes = [
            Change(
                stream=stream,
                expected=max(0, self.model.version(tenant, stream) + off),
                events=[paid(n) for n in range(count)],
            )
            for count, stream in enumerate(streams, 1)
        ]
        return Append(tenant=tenant, actor="ann", source="test", changes=changes, **more)

    def check(self, request: Append, outcome: Appended | LogRefusal) -> None:
        expected, position = self.model.append(request)
        assert type(outcome) is expected
        if isinstance(outcome, Appended):
            assert outcome.position == position

    def ask(self, request: Append) -> None:
        try:
            outcome: Appended | LogRefusal = self.log.append(request)
        except LogRefusal as refusal:
            outcome = refusal
        self.check(request, outcome)

    @rule(
        tenant=TENANTS,
        streams=st.lists(STREAMS, min_size=1, max_size=3, unique=True),
        off=st.sampled_from([0, 0, 0, -1, 1]),
    )
    def append(self, tenant: str, streams: list[str], off: int) -> None:
        self.ask(self.request(tenant, streams, off))

    @rule(tenant=TENANTS, stream=STREAMS, value=VALUES)
    def claim(self, tenant: str, stream: str, value: str) -> None:
        self.ask(self.request(tenant, [stream], 0, claims=[email(value, stream)]))

    @rule(tenant=TENANTS, stream=STREAMS)
    def release(self, tenant: str, stream: str) -> None:
        self.ask(self.request(tenant, [stream], 0, release_streams=[stream]))

    @rule(
        tenant=TENANTS,
        stream=STREAMS,
        key=st.sampled_from(["a", "b"]),
        content=st.sampled_from(["x", "x", "y"]),
    )
    def command(self, tenant: str, stream: str, key: str, content: str) -> None:
        self.ask(self.request(tenant, [stream], 0, asked=asked(key, content)))

    @rule(tenant=TENANTS, streams=st.lists(STREAMS, min_size=2, max_size=4))
    def many(self, tenant: str, streams: list[str]) -> None:
        ahead: dict[str, int] = {}
        requests = []
        for stream in streams:
            requests.append(self.request(tenant, [stream], ahead.get(stream, 0)))
            ahead[stream] = ahead.get(stream, 0) + 1
        for request, outcome in zip(requests, self.log.append_many(requests), strict=True):
            assert isinstance(outcome, Appended)
            for change in request.changes:
                assert outcome.version == change.expected + 1
        self.model.log = [(found.tenant, found.stream, found.version) for found in self.log.read(0, 10_000)]

    @invariant()
    def the_log_holds_what_the_model_holds(self) -> None:
        recorded = self.log.read(0, 10_000)
        assert [(found.tenant, found.stream, found.version) for found in recorded] == self.model.log
        assert [found.position for found in recorded] == list(range(1, len(self.model.log) + 1))
        for (tenant, value), holder in self.model.claims.items():
            assert self.log.holder(tenant, "email", value) == holder


def test_any_course_of_requests_leaves_the_log_as_a_dict_would_be(database: str) -> None:
    LogMachine.conninfo = database
    run_state_machine_as_test(
        LogMachine,
        settings=settings(max_examples=8, stateful_step_count=30),
    )
