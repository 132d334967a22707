"""Contending writers: whatever was answered is true at its position, as if all had asked one after the other."""

import random
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from commands.command import (
    Answer,
    AssignLeadOwner,
    CaptureLead,
    Command,
    Context,
    ConvertLead,
    DefineOwnership,
    DefinePipeline,
    DisqualifyLead,
    ForgetCustomer,
    MergeCustomers,
    MoveToStage,
    OpenDeal,
    RecordCustomer,
    ReopenDeal,
    UnmergeCustomer,
)
from commands.handle import handle, handle_many
from domain.customer import Profile
from domain.errors import Refusal
from domain.pipeline import Stage
from streams.log import Log
from tests.commands.asking import NOW, context
from tests.conftest import MASTER_KEY

WRITERS, EACH = 20, 12
EMAILS = [f"{name}@example.org" for name in ("ann", "bob", "cid", "dot")]
STAGES = [
    Stage(name="New"),
    Stage(name="Offer", enters_from=("New",)),
    Stage(name="Won", outcome="won", probability=Decimal(1)),
]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Asked = tuple[Command, Context]


class Shared:
    """The handful of records that everybody works on."""

    def __init__(self, log: Log) -> None:
        handle(log, DefinePipeline(name="sales", stages=tuple(STAGES)), context())
        self.leads = [handle(log, CaptureLead(form="contact", profile=told(e)), context()).id for e in EMAILS]
        self.customers = [handle(log, RecordCustomer(profile=told(e)), context()).id for e in EMAILS]
        deal = OpenDeal(pipeline="sales", stage="New", title="Lamps")
        self.deals = [handle(log, deal, context()).id for _ in range(2)]

    def some_command(self, dice: random.Random) -> Command:
        customer, other = dice.sample(self.customers, 2)
        lead, deal, profile = dice.choice(self.leads), dice.choice(self.deals), told(dice.choice(EMAILS))
        stages = tuple(STAGES[: dice.choice([2, 3])])
        return dice.choice(
            [
                CaptureLead(form="contact", profile=profile, fields={"say": "Hi"}),
                CaptureLead(form="contact", profile=profile, fields={"say": "Hi"}),
                RecordCustomer(profile=replace(profile, phone=f"+4930{dice.randrange(3)}0000")),
                RecordCustomer(customer_id=customer, profile=Profile(email=dice.choice(EMAILS), name="Eve")),
                MergeCustomers(loser=customer, survivor=other, reason="one"),
                UnmergeCustomer(customer_id=customer, reason="two"),
                MoveToStage(deal_id=deal, stage=dice.choice(STAGES).name),
                ReopenDeal(deal_id=deal),
                AssignLeadOwner(lead_id=lead, owner=dice.choice(["sue", "tom"])),
                ConvertLead(lead_id=lead, customer_id=customer),
                DisqualifyLead(lead_id=lead, reason="no"),
                ForgetCustomer(customer_id=customer, reason="asked"),
                DefineOwnership(owners={"name": dice.choice(["shop", "crm"])}),
                DefinePipeline(name="sales", stages=stages),
            ]
        )


def told(email: str) -> Profile:
    return Profile(email=email, name=email.partition("@")[0])


def work(log: Log, shared: Shared, writer: int) -> Iterator[tuple[Asked, Answer]]:
    """Ask by ones and by threes; tell what was answered."""
    dice = random.Random(writer)  # noqa: S311 - the same course each time
    left = EACH
    while left > 0:
        count = dice.choice([1, 3])
        asked = []
        for _ in range(count):
            left -= 1
            at = NOW + timedelta(seconds=dice.randrange(100), microseconds=writer)
            asked.append(
                (shared.some_command(dice), replace(context(f"{writer}-{left}"), now=at, source="shop"))
            )
        for one, outcome in zip(asked, handle_many(log, asked), strict=True):
            if isinstance(outcome, Answer):
                yield one, outcome
            else:
                assert isinstance(outcome, Refusal), outcome


@contextmanager
def copied(database: str, server: str) -> Iterator[str]:
    """The conninfo of a copy of a database that nobody is connected to."""
    name, source = f"copy_{secrets.token_hex(6)}", psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class Names:
    """Gives every id its number of appearance, so that two courses of the same story read the same."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def canonical(self, text: str) -> str:
        return UUID.sub(lambda found: f"#{self._numbers.setdefault(found[0], len(self._numbers))}", text)


def story(log: Log, names: Names) -> list[str]:
    """Return every event as text, in its order, ids by their number."""
    return [
        names.canonical(f"{r.position} {r.stream} {r.version} {r.customer_id} {r.command_id} {r.event!r}")
        for r in log.read(0, 100_000)
    ]


def test_every_answer_of_20_contending_writers_is_true_and_repeated_to_the_letter(
    database: str, server: str
) -> None:
    with Log(database, MASTER_KEY) as log:
        shared = Shared(log)
    with copied(database, server) as copy:
        with (
            Log(database, MASTER_KEY) as one,
            Log(database, MASTER_KEY) as other,  # as two processes have
            ThreadPoolExecutor(WRITERS) as pool,
        ):
            turns = [
                pool.submit(lambda n: list(work((one, other)[n % 2], shared, n)), n) for n in range(WRITERS)
            ]
            answered = sorted(
                (pair for turn in turns for pair in turn.result()),
                key=lambda pair: (pair[1].position, pair[1].events == 0),
            )
        with Log(database, MASTER_KEY) as log, Log(copy, MASTER_KEY) as again:
            names, names_again = Names(), Names()
            head = log.head()
            for (command, asked), answer in answered:
                assert handle(log, command, asked) == replace(answer, repeated=True)
            assert log.head() == head
            replayed = [handle(again, command, asked) for (command, asked), _ in answered]
            assert story(again, names_again) == story(log, names)
            assert [names_again.canonical(msgspec.json.encode(answer).decode()) for answer in replayed] == [
                names.canonical(msgspec.json.encode(answer).decode()) for _, answer in answered
            ]
    assert len({type(command) for (command, _), _ in answered}) > 10
    assert any(answer.events == 0 for _, answer in answered)
