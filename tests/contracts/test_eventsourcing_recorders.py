"""The eventsourcing library's own published test cases, run against our recorders on PostgreSQL."""

import sys
from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import eventsourcing.cryptography
import pytest
from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from eventsourcing.utils import Environment, get_topic

from streams.applications import (
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogProcessRecorder,
    LogTrackingRecorder,
    Scope,
)
from streams.log import Log
from streams.recorder import Factory
from streams.snapshots import SnapshotRecorder
from tests.conftest import MASTER_KEY

# The library has one cipher on two packages, and its test cases import the one on pycryptodome, which we do not need.
sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)
from eventsourcing.tests import persistence as published  # noqa: E402

SCOPE = Scope(tenant="main", application="published")


class OnALog:
    @pytest.fixture(autouse=True)
    def _on(self, log: Log, database: str) -> None:
        self.log = log
        self.database = database


class TestAggregateRecorder(OnALog, published.AggregateRecorderTestCase):
    def create_recorder(self) -> LogAggregateRecorder:
        return LogAggregateRecorder(self.log, SCOPE)


class TestSnapshotRecorder(OnALog, published.AggregateRecorderTestCase):
    def create_recorder(self) -> SnapshotRecorder:
        return SnapshotRecorder(self.log, SCOPE)


class TestApplicationRecorder(OnALog, published.ApplicationRecorderTestCase[LogApplicationRecorder]):
    def create_recorder(self) -> LogApplicationRecorder:
        return LogApplicationRecorder(self.log, SCOPE)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationRecorderWithTextIds(
    OnALog, published.ApplicationRecorderTestCase[LogApplicationRecorder]
):
    def new_originator_id(self) -> str:
        return f"thing-{uuid4()}"

    def create_recorder(self) -> LogApplicationRecorder:
        return LogApplicationRecorder(self.log, Scope(tenant="main", application="published", ids=str))


class TestTrackingRecorder(OnALog, published.TrackingRecorderTestCase):
    def create_recorder(self) -> LogTrackingRecorder:
        return LogTrackingRecorder(self.log, SCOPE)


class TestProcessRecorder(OnALog, published.ProcessRecorderTestCase):
    def create_recorder(self) -> LogProcessRecorder:
        return LogProcessRecorder(self.log, SCOPE)


class TestNonInterleavingNotificationIds(OnALog, published.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return LogApplicationRecorder(self.log, SCOPE)


class OurTracking(LogTrackingRecorder):
    pass


class TestFactory(OnALog, published.InfrastructureFactoryTestCase[Factory]):
    def setUp(self) -> None:
        self.env = Environment("TestCase")
        self.env[Factory.PERSISTENCE_MODULE] = "streams.recorder"
        self.env["BACKSTORY_DATABASE"] = self.database
        self.env["BACKSTORY_MASTER_KEY"] = b64encode(MASTER_KEY).decode()
        super().setUp()

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[LogAggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[LogApplicationRecorder]:
        return LogApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[LogTrackingRecorder]:
        return LogTrackingRecorder

    def tracking_recorder_subclass(self) -> type[LogTrackingRecorder]:
        return OurTracking

    def expected_process_recorder_class(self) -> type[LogProcessRecorder]:
        return LogProcessRecorder


def stored(originator_id: UUID, version: int) -> StoredEvent:
    return StoredEvent(
        originator_id=originator_id, originator_version=version, topic="m:T", state=b"\x00\xff"
    )


def ids(recorder: LogApplicationRecorder) -> Sequence[Any]:
    return [found.originator_id for found in recorder.select_notifications(None, 100)]


def test_applications_and_tenants_do_not_see_each_others_events(log: Log) -> None:
    one = uuid4()
    recorders = [
        LogApplicationRecorder(log, Scope(tenant=tenant, application=application))
        for tenant in ("main", "other")
        for application in ("shop", "office")
    ]
    for recorder in recorders:
        recorder.insert_events([stored(one, 0)])
    assert [ids(recorder) for recorder in recorders] == [[one]] * 4
    assert [recorder.max_notification_id() for recorder in recorders] == [1, 2, 3, 4]


def test_an_events_topic_is_its_stored_type_and_readers_of_the_log_see_it_as_foreign(log: Log) -> None:
    recorder = LogApplicationRecorder(log, SCOPE)
    recorder.insert_events([stored(uuid4(), 0)])
    [found] = log.read(0, 10)
    assert found.type == "es:m:T"
    assert (found.event.topic, found.event.state) == ("m:T", b"\x00\xff")  # type: ignore[attr-defined]


def test_recorders_of_named_classes_come_from_the_environment(database: str) -> None:
    env = {
        "BACKSTORY_DATABASE": database,
        "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "TRACKING_RECORDER_TOPIC": get_topic(OurTracking),
    }
    factory = Factory(Environment("app", env))
    assert type(factory.tracking_recorder()) is OurTracking
    factory.close()
