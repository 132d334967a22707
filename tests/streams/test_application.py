from base64 import b64encode
from threading import Thread
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, ProcessRecorder, Tracking

from streams.log import Log
from streams.recorder import Factory
from streams.snapshots import SnapshotRecorder
from tests.conftest import MASTER_KEY


class Parcel(Aggregate):
    @event("Packed")
    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.stops: list[str] = []

    @event("Passed")
    def passes(self, stop: str) -> None:
        self.stops.append(stop)


class Parcels(Application[UUID]):
    name = "parcels"
    is_snapshotting_enabled = True

    def pack(self, weight: int) -> UUID:
        parcel = Parcel(weight)
        self.save(parcel)
        return parcel.id

    def move(self, parcel_id: UUID, stop: str) -> None:
        parcel: Parcel = self.repository.get(parcel_id)
        parcel.passes(stop)
        self.save(parcel)


def parcels(database: str, tenant: str = "main") -> Parcels:
    return Parcels(
        env={
            "PERSISTENCE_MODULE": "streams.recorder",
            "BACKSTORY_DATABASE": database,
            "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode(),
            "BACKSTORY_TENANT": tenant,
        }
    )


def test_an_application_runs_on_the_log_and_its_notification_ids_are_positions(
    database: str, log: Log
) -> None:
    with parcels(database) as app:
        parcel = app.pack(3)
        app.move(parcel, "Hamburg")
        app.move(parcel, "Oslo")
        found: Parcel = app.repository.get(parcel)
        assert (found.weight, found.stops, found.version) == (3, ["Hamburg", "Oslo"], 3)
        assert [note.id for note in app.notification_log.select(1, 10)] == [1, 2, 3]
    assert log.head() == 3


def test_two_writers_of_one_aggregate_conflict_and_nothing_is_recorded_twice(database: str, log: Log) -> None:
    with parcels(database) as app:
        parcel = app.pack(3)
        one, other = app.repository.get(parcel), app.repository.get(parcel)
        one.passes("Hamburg")
        other.passes("Bremen")
        app.save(one)
        with pytest.raises(IntegrityError):
            app.save(other)
    assert log.head() == 2


def test_an_aggregate_is_rebuilt_from_its_snapshot_and_what_came_after(database: str) -> None:
    with parcels(database) as app:
        parcel = app.pack(3)
        for stop in ("Hamburg", "Bremen"):
            app.move(parcel, stop)
        app.take_snapshot(parcel)
        app.move(parcel, "Oslo")
        assert app.snapshots is not None
        assert isinstance(app.snapshots.recorder, SnapshotRecorder)
        assert len(list(app.snapshots.get(parcel))) == 1
        found: Parcel = app.repository.get(parcel)
        assert (found.stops, found.version) == (["Hamburg", "Bremen", "Oslo"], 4)


def test_a_tenant_does_not_find_anothers_aggregate(database: str) -> None:
    with parcels(database) as app, parcels(database, "other") as others:
        parcel = app.pack(3)
        with pytest.raises(AggregateNotFoundError):
            others.repository.get(parcel)


def test_a_subscription_gets_what_is_recorded_while_it_waits(database: str) -> None:
    with parcels(database) as app:
        first = app.pack(1)
        got: list[UUID] = []

        def follow() -> None:
            for note in subscription:
                got.append(note.originator_id)  # type: ignore[arg-type]
                if len(got) == 2:
                    break

        with app.recorder.subscribe(gt=0) as subscription:
            follower = Thread(target=follow)
            follower.start()
            second = app.pack(2)
            follower.join(timeout=30)
        assert got == [first, second]


def test_what_was_made_of_an_event_is_recorded_once_with_its_tracking(database: str, log: Log) -> None:
    env = {"BACKSTORY_DATABASE": database, "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode()}
    factory = Factory(env)
    try:
        recorder = factory.process_recorder()
        with parcels(database) as app:
            made = [app.mapper.to_stored_event(new) for new in Parcel(weight=1).collect_events()]
        assert isinstance(recorder, ProcessRecorder)
        recorder.insert_events(made, tracking=Tracking("upstream", 7))
        again = [type(new)(uuid4(), new.originator_version, new.topic, new.state) for new in made]
        with pytest.raises(IntegrityError):
            recorder.insert_events(again, tracking=Tracking("upstream", 7))
        assert recorder.max_tracking_id("upstream") == 7
        assert log.head() == 1
    finally:
        factory.close()
