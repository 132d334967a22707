import json
from datetime import UTC, datetime
from typing import Any

import pytest

from commands.command import CaptureLead, Command, Context, MergeCustomers, RecordCustomer, UnmergeCustomer
from commands.handle import handle
from domain.customer import Profile
from streams.log import Log
from tests.api import conftest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def do(log: Log, command: Command) -> str:
    return handle(log, command, Context(tenant="main", actor="shop", source="shop", now=NOON)).id


def known(log: Log, name: str) -> str:
    profile = Profile(source_id=name, name=f"{name} Hopper", email=f"{name}@example.com".lower())
    return do(log, RecordCustomer(profile=profile, occurred_at=NOON))


def names(backstory: conftest.Command) -> set[str]:
    told = backstory("sql", "SELECT name FROM customers WHERE name IS NOT NULL", "--json").out
    return {json.loads(line)["name"] for line in told.splitlines()}


def forgotten(backstory: conftest.Command, *arguments: str) -> dict[str, Any]:
    told = backstory("forget", *arguments, "--reason", "asked", "--json")
    assert told.code == 0, told.err
    document: dict[str, Any] = json.loads(told.out)
    return document


def test_only_the_person_named_is_forgotten(backstory: conftest.Command, log: Log) -> None:
    grace, _ = known(log, "Grace"), known(log, "Ada")
    told = forgotten(backstory, grace)
    assert told["customers"] == [grace]
    assert told["streams"] == {f"customer-{grace}": {"email": 1, "name": 1, "value": 2}}
    assert names(backstory) == {"Ada Hopper"}


def test_what_a_form_held_is_forgotten_with_the_person(backstory: conftest.Command, log: Log) -> None:
    grace = known(log, "Grace")
    lead = do(
        log,
        CaptureLead(
            form="contact",
            profile=Profile(email="grace@example.com"),
            fields={"message": "I am Grace"},
            occurred_at=NOON,
        ),
    )
    assert f"lead-{lead}" in forgotten(backstory, grace)["streams"]
    assert backstory("sql", "SELECT fields FROM leads", "--format", "csv").out == "fields\n{}\n"


def test_records_merged_into_one_person_are_forgotten_together(backstory: conftest.Command, log: Log) -> None:
    first, second, third = known(log, "Grace"), known(log, "Gracie"), known(log, "Graceful")
    do(log, MergeCustomers(loser=third, survivor=second, reason="same"))
    do(log, MergeCustomers(loser=second, survivor=first, reason="same"))
    assert set(forgotten(backstory, second)["customers"]) == {first, second, third}
    assert names(backstory) == set()


def test_a_record_that_was_unmerged_is_somebody_else(backstory: conftest.Command, log: Log) -> None:
    first, second = known(log, "Grace"), known(log, "Ada")
    do(log, MergeCustomers(loser=second, survivor=first, reason="same"))
    do(log, UnmergeCustomer(customer_id=second, reason="not the same"))
    assert forgotten(backstory, first)["customers"] == [first]
    assert names(backstory) == {"Ada Hopper"}


def test_forgetting_twice_finds_nothing_left(backstory: conftest.Command, log: Log) -> None:
    grace = known(log, "Grace")
    forgotten(backstory, grace)
    assert forgotten(backstory, grace)["streams"] == {}
    assert backstory("forget", grace, "--reason", "again").out == "nothing personal was left to erase\n"


def test_a_dry_run_forgets_nobody(backstory: conftest.Command, log: Log) -> None:
    grace = known(log, "Grace")
    told = backstory("forget", grace, "--reason", "asked", "--dry-run")
    assert told.out == f"would be erased:\ncustomer-{grace}: email (1), name (1), value (2)\n"
    assert forgotten(backstory, grace)["erased"] is True


@pytest.mark.parametrize("flags", [(), ("--dry-run",), ("--tenant", "rival")])
def test_a_customer_this_tenant_does_not_have_is_refused(
    backstory: conftest.Command, log: Log, flags: tuple[str, ...]
) -> None:
    customer = known(log, "Grace") if "--tenant" in flags else "nobody"
    told = backstory("forget", customer, "--reason", "asked", *flags)
    assert (told.code, told.out) == (1, "")
    assert told.err.count("\n") == 1
