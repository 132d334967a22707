"""`backstory intake retry`: what was rejected, tried again after a fix, once each."""

import json

from api.intake.taking import Taker
from streams.kafka.published import Place, Published
from streams.kafka.rejected import MOST_BYTES, Rejection, rejected_record
from streams.log import Log
from tests.api.conftest import Command, backstory  # noqa: F401 - a fixture
from tests.api.intake.publishing import Topic, body, headers, settle

PLACED = "order-placed.v1"


def where(topic: Topic) -> list[str]:
    return ["--kafka", topic.servers, "--kafka-prefix", topic.topics.prefix]


def placed(log: Log) -> list[tuple[str, str]]:
    return sorted((one.tenant, one.event.source_id) for one in log.read(0, 1000) if one.type == PLACED)  # type: ignore[attr-defined]


def test_after_a_fix_rejects_are_recorded_once_each_and_the_rest_is_told(
    topic: Topic,
    log: Log,
    backstory: Command,  # noqa: F811 - the fixture
) -> None:
    for ident in ("1", "2"):
        topic.publish(body(PLACED, source_id=ident), headers(PLACED, ident, tenant="late"), ident.encode())
    topic.report(PLACED, "3", total=1.5)
    topic.publish(b"{}", headers("order-teleported.v1", "4"))
    assert len(settle(topic, Taker(log, ["main"]))) == 4
    retry = ["intake", "retry", *where(topic), "--intake-tenants", "main,late"]

    told = backstory(*retry, "--reason", "event-type-unknown", "--json")
    [refused] = json.loads(told.out)["refused"]
    assert (told.code, refused["code"], refused["topic"]) == (1, "event-type-unknown", topic.topics.intake)
    assert (json.loads(told.out)["left"], placed(log)) == (3, [])

    told = backstory(*retry, "--reason", "malformed")
    assert told.code == 1
    assert "recorded 2, recorded before 0, left 1\n" in told.out
    assert "still refused 1: malformed: " in told.out
    assert placed(log) == [("late", "1"), ("late", "2")]
    head = log.head()
    told = backstory(*retry, "--all", "--json")
    again = json.loads(told.out)
    assert (again["recorded"], len(again["refused"]), log.head()) == (0, 2, head)
    assert again["recorded_before"] <= 2, "those behind a refused one are seen again, and recorded once"
    assert len(topic.rejected()) == 4, "a retry rejects nothing anew"


def test_when_every_reject_was_put_right_a_retry_reads_none_of_them_again(
    topic: Topic,
    log: Log,
    backstory: Command,  # noqa: F811 - the fixture
) -> None:
    topic.publish(body(PLACED), headers(PLACED, "1", tenant="late"))
    assert len(settle(topic, Taker(log, ["main"]))) == 1
    retry = ["intake", "retry", "--all", *where(topic), "--intake-tenants", "main,late"]
    first, second = backstory(*retry), backstory(*retry)
    assert (first.code, first.out) == (0, "recorded 1, recorded before 0, left 0\n")
    assert (second.code, second.out) == (0, "recorded 0, recorded before 0, left 0\n")


def test_a_reject_that_a_crash_wrote_twice_is_tried_once_and_a_foreign_record_is_passed_over(
    topic: Topic,
    backstory: Command,  # noqa: F811 - the fixture
) -> None:
    told = Published(Place(topic.topics.intake, 0, 0), b"o", body(PLACED), headers(PLACED, "1"))
    large = Published(Place(topic.topics.intake, 0, 1), b"o", b" " * (MOST_BYTES + 1), [])
    reject = Rejection("internal", b"{}")
    for one in (told, told, large):
        topic.reject(**rejected_record(one, reject))
    topic.reject(key=b"o", value=b"anything", headers=[("backstory_reason", b"x")])
    ended = backstory("intake", "retry", "--all", "--json", *where(topic))
    document = json.loads(ended.out)
    assert (document["recorded"], document["recorded_before"], len(document["refused"])) == (1, 0, 1)
    assert document["refused"][0]["offset"] == 1


def test_a_retry_is_asked_for_by_a_reason_or_for_all(backstory: Command) -> None:  # noqa: F811 - the fixture
    for asked, sentence in (
        (["retry", "--kafka", "x:1"], "--reason CODE or --all"),
        (["retry", "--kafka", "x:1", "--all", "--reason", "malformed"], "--reason CODE or --all"),
        (["--kafka", "x:1", "--all"], "only with `backstory intake retry`"),
        (["retry", "--all"], "BACKSTORY_KAFKA"),
        (["retry", "--all", "--kafka", "x:1", "--intake-tenants", "main,,x"], "--intake-tenants"),
    ):
        told = backstory("intake", *asked)
        assert (told.code, sentence in told.err) == (2, True), told.err
