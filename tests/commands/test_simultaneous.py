"""Many at once: the promises of commands under concurrency."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from commands.command import Answer, CaptureLead, Context
from commands.handle import handle
from domain.customer import CustomerRegistered, Profile
from domain.lead import FormSubmitted, LeadCaptured
from streams.log import Log

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LEAD = CaptureLead(
    form="contact", profile=Profile(email="Ann@example.org", name="Ann"), fields={"budget": "10k"}
)


def capture_50_times(log: Log, command_ids: list[str | None]) -> list[Answer]:
    def capture(numbered: tuple[int, str | None]) -> Answer:
        at = NOW + timedelta(microseconds=numbered[0])
        asked = Context(tenant="main", actor="form", source="site", now=at, command_id=numbered[1])
        return handle(log, LEAD, asked)

    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(capture, enumerate(command_ids)))


def count(log: Log, kind: type) -> int:
    return sum(isinstance(recorded.event, kind) for recorded in log.read(0, 1_000))


def streams(log: Log, kind: str) -> int:
    return len({r.stream for r in log.read(0, 1_000) if r.stream.startswith(f"{kind}-")})


def test_50_deliveries_of_one_lead_record_it_once_and_all_get_the_same_answer(log: Log) -> None:
    asked = Context(tenant="main", actor="form", source="site", now=NOW, command_id="delivery-1")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: handle(log, LEAD, asked), range(50)))
    assert len({(a.id, a.position, a.version, a.events) for a in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert (count(log, CustomerRegistered), count(log, LeadCaptured), count(log, FormSubmitted)) == (1, 1, 1)


def test_50_identical_submissions_make_one_customer_and_one_lead_and_each_is_kept(log: Log) -> None:
    answers = capture_50_times(log, [f"post-{n}" for n in range(50)])
    assert len({answer.id for answer in answers}) == 1
    assert (streams(log, "customer"), streams(log, "lead"), count(log, FormSubmitted)) == (1, 1, 50)


def test_the_log_has_no_gap_after_a_storm_of_conflicts(log: Log) -> None:
    capture_50_times(log, [None] * 50)
    assert [recorded.position for recorded in log.read(0, 1_000)] == list(range(1, log.head() + 1))
