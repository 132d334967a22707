"""New leads are handled once, whoever is cut off or works beside; history and imports are left alone."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.deliver.leads import Leads, waiting
from api.http.v1.administration import LeadHandlingBody
from commands.command import CaptureLead, Context, DefineLeadHandling
from commands.handle import handle
from domain.customer import Profile
from streams.log import Log

HANDLING = DefineLeadHandling(
    owners=("olga", "pavel"), pipeline="sales", subject="Thank you", text="We call you."
)
EFFECTS = {"lead-owner-assigned.v1": 1, "deal-opened.v1": 1, "message-queued.v1": 1}


def ask(log: Log, command: Any, **more: Any) -> str:
    context = Context(tenant="main", actor="test", source="website", now=datetime.now(UTC), **more)
    return handle(log, command, context).id


def enquiry(who: str = "ann", **more: Any) -> CaptureLead:
    return CaptureLead(form="contact", profile=Profile(email=f"{who}@example.org"), **more)


def effects(log: Log) -> Counter[str]:
    """Count the events that nobody asked for."""
    return Counter(one.type for one in log.read(0, 10_000) if one.actor == "backstory")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def leads(log: Log, told: list[str]) -> Leads:
    """Leads that begin with an empty log, where the handling of leads is defined."""
    found = Leads(log, told.append)
    assert not found.look()
    ask(log, HANDLING)
    return found


def all_taken(leads: Leads) -> None:
    while leads.look():
        pass


def test_a_lead_is_handled_once_and_its_effects_name_their_cause(log: Log, leads: Leads) -> None:
    lead_id = ask(log, enquiry())
    all_taken(leads)
    assert effects(log) == EFFECTS
    [captured] = [one for one in log.read(0, 100) if one.type == "lead-captured.v1"]
    caused = [one for one in log.read(0, 100) if one.actor == "backstory"]
    assert {one.command_id for one in caused} == {f"handle-{captured.event_id}"}
    assert {one.causation_id for one in caused} == {captured.event_id}
    assert ask(log, enquiry()) == lead_id, "the same open lead"
    all_taken(leads)
    assert effects(log) == EFFECTS


def test_the_example_of_the_readme_is_what_may_be_asked() -> None:
    readme = (Path(__file__).parents[3] / "api" / "deliver" / "README.md").read_text(encoding="utf-8")
    _, example = re.findall(r"-d '(.*?)'", readme, re.DOTALL)
    assert LeadHandlingBody.model_validate_json(example).forms == ["contact"]


def test_leads_that_nobody_has_looked_at_are_counted(log: Log, leads: Leads) -> None:
    def counted(since: timedelta) -> int:
        with log.connection() as connection:
            return waiting(connection, since)

    ask(log, enquiry())
    assert (counted(timedelta(0)), counted(timedelta(minutes=1))) == (1, 0)
    all_taken(leads)
    assert counted(timedelta(0)) == 0


def test_who_begins_with_a_log_writes_to_nobody_of_its_history(log: Log, told: list[str]) -> None:
    ask(log, HANDLING)
    ask(log, enquiry("ann"))
    leads = Leads(log, told.append)
    all_taken(leads)
    assert effects(log) == {}
    ask(log, enquiry("bob"))
    all_taken(leads)
    assert effects(log) == EFFECTS


@pytest.mark.parametrize(
    ("command", "context"),
    [
        (enquiry(occurred_at=datetime.now(UTC) - timedelta(days=2)), {}),
        (enquiry(), {"correlation_id": "import:b-1"}),
    ],
    ids=["told two days late", "of an import"],
)
def test_what_is_no_news_is_left_alone(
    log: Log, leads: Leads, command: CaptureLead, context: dict[str, Any]
) -> None:
    ask(log, command, **context)
    all_taken(leads)
    assert effects(log) == {}


def test_two_that_look_at_once_and_again_and_again_handle_each_lead_once(log: Log, leads: Leads) -> None:
    both = [leads, Leads(log, print)]
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, log, enquiry(str(n))) for n in range(12)]
        looks = [threads.submit(both[n % 2].look) for n in range(40)]
        for done in [*asked, *looks]:
            done.result()
    all_taken(leads)
    assert effects(log) == dict.fromkeys(EFFECTS, 12)


def test_one_that_is_cut_off_before_it_notes_how_far_it_came_does_nothing_twice(
    log: Log, leads: Leads, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(log, enquiry())

    def cut(*args: Any) -> None:
        handle(*args)
        raise ConnectionAbortedError

    monkeypatch.setattr("api.deliver.leads.handle", cut)
    with pytest.raises(ConnectionAbortedError):
        leads.look()
    assert effects(log) == EFFECTS
    monkeypatch.undo()
    all_taken(leads)
    assert effects(log) == EFFECTS
