import json

import psycopg
import pytest

from domain.customer import EmailChanged, NameChanged
from domain.event import Event
from domain.record import PersonalDataErased
from streams.errors import UnreadableEvent, WrongMasterKey
from streams.log import Log
from streams.records import Append, Change, Claim, Unreadable
from streams.rotation import rotate
from tests.conftest import MASTER_KEY
from tests.streams.requests import NOW, append, email, named

OTHER_KEY = bytes(range(1, 33))
ERASED = PersonalDataErased(occurred_at=NOW, reason="asked")


def names(log: Log, stream: str, tenant: str = "main") -> list[str | None]:
    events = [recorded.event for recorded in log.stream(tenant, stream)]
    return [event.name for event in events if isinstance(event, NameChanged)]


def forget(log: Log, stream: str, expected: int) -> None:
    log.append(append(stream, expected, ERASED, destroy=[stream]))


def test_no_personal_field_stands_in_any_table_of_the_log(database: str, log: Log) -> None:
    mail = EmailChanged(occurred_at=NOW, email="ann@example.com", source="shop")
    claim = email("ann@example.com", "customer-1")
    log.append(append("customer-1", 0, named("Ann Lovelace"), mail, claims=[claim]))
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'log'"
        ).fetchall()
        text = "".join(
            str(connection.execute(f"SELECT string_agg(t::text, '') FROM {table} t".encode()).fetchone())
            for (table,) in tables
        )
    assert "name-changed.v1" in text
    for secret in ("Ann", "Lovelace", "ann@example", b"Ann Lovelace".hex(), b"ann@example.com".hex()):
        assert secret not in text
    assert names(log, "customer-1") == ["Ann Lovelace"]


def test_one_person_is_sealed_under_one_key_wherever_their_data_stands(database: str, log: Log) -> None:
    for stream in ("lead-1", "deal-1"):
        change = Change(stream=stream, expected=0, events=[named("Ann")], customer_id="7")
        log.append(Append(tenant="main", actor="ann", source="test", changes=[change]))
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT subject FROM log.keys WHERE tenant = 'main'").fetchall()
    assert rows == [("customer-7",)]


@pytest.mark.parametrize("moved_to", ["tenant", "customer", "type"])
def test_sealed_fields_open_only_where_they_were_sealed(database: str, log: Log, moved_to: str) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    log.append(append("customer-2", 0, named("Bob")))
    log.append(append("customer-1", 0, named("Cy"), tenant="other"))
    mail = EmailChanged(occurred_at=NOW, email="ann@example.com", source="shop")
    log.append(append("customer-1", 1, mail))
    with psycopg.connect(database) as connection:
        rows = dict(connection.execute("SELECT position, data FROM log.events").fetchall())
    stolen = rows[1] | ({"$subject": "customer-2"} if moved_to == "customer" else {})
    tenant = "other" if moved_to == "tenant" else "main"
    name = "email-changed.v1" if moved_to == "type" else "name-changed.v1"
    with pytest.raises(UnreadableEvent) as refusal:
        log.codec.decode(tenant, name, json.dumps(stolen))
    assert "Ann" not in str(refusal.value)
    assert isinstance(log.codec.decode("main", "name-changed.v1", json.dumps(rows[1])), NameChanged)


def test_a_seal_is_bound_to_the_type_of_its_event(log: Log) -> None:
    sealed = log.keyring.seal("main", "customer-1", "name-changed.v1", b"{}")
    assert sealed is not None
    assert log.keyring.open("main", "customer-1", "name-changed.v1", sealed) == b"{}"
    with pytest.raises(UnreadableEvent):
        log.keyring.open("main", "customer-1", "email-changed.v1", sealed)


def test_a_key_put_into_another_persons_row_is_refused(database: str, log: Log) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    log.append(append("customer-2", 0, named("Bob")))
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE log.keys SET wrapped = (SELECT wrapped FROM log.keys WHERE subject = 'customer-1') "
            "WHERE subject = 'customer-2'"
        )
    with Log(database, MASTER_KEY) as again, pytest.raises(WrongMasterKey):
        again.stream("main", "customer-2")


def test_a_damaged_seal_makes_its_event_unreadable_and_no_other(database: str, log: Log) -> None:
    log.append(append("customer-1", 0, named("Ann"), named("Bea")))
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER immutable")
        connection.execute(
            """UPDATE log.events SET data = jsonb_set(data, '{$sealed}', '"AAAA"') WHERE position = 1"""
        )
    events: list[Event] = [recorded.event for recorded in log.read(0, 10, strict=False)]
    assert isinstance(events[0], Unreadable)
    assert isinstance(events[1], NameChanged)


def test_another_master_key_is_refused_when_the_log_is_opened(database: str, log: Log) -> None:
    assert log.head() == 0
    with pytest.raises(WrongMasterKey):
        Log(database, OTHER_KEY)
    with pytest.raises(WrongMasterKey):
        Log(database, b"short")


def test_whoever_is_forgotten_reads_as_none_here_and_in_every_other_log(database: str, log: Log) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    with Log(database, MASTER_KEY) as other:
        assert names(other, "customer-1") == ["Ann"]
        forget(log, "customer-1", 1)
        assert names(log, "customer-1") == [None]
        assert names(other, "customer-1") == [None]
    with Log(database, MASTER_KEY) as fresh:
        assert names(fresh, "customer-1") == [None]


def test_what_is_recorded_of_a_forgotten_person_is_recorded_without_their_data(
    database: str, log: Log
) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    forget(log, "customer-1", 1)
    log.append(append("customer-1", 2, named("Ann again")))
    assert names(log, "customer-1") == [None, None]
    with psycopg.connect(database) as connection:
        [data] = connection.execute("SELECT data FROM log.events WHERE position = 3").fetchone() or ({},)
    assert (data["name"], data["$sealed"]) == (None, None)


def test_forgetting_one_person_leaves_the_others_and_other_tenants(log: Log) -> None:
    for tenant, stream in (("main", "customer-1"), ("main", "customer-2"), ("other", "customer-1")):
        log.append(append(stream, 0, named("Ann"), tenant=tenant))
    forget(log, "customer-1", 1)
    assert names(log, "customer-1") == [None]
    assert names(log, "customer-2") == names(log, "customer-1", "other") == ["Ann"]


@pytest.mark.parametrize(
    "revival",
    [
        "UPDATE log.keys SET wrapped = 'x', destroyed_at = NULL WHERE destroyed_at IS NOT NULL",
        "DELETE FROM log.keys WHERE destroyed_at IS NOT NULL",
    ],
)
def test_a_destroyed_key_never_comes_back(database: str, log: Log, revival: str) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    forget(log, "customer-1", 1)
    log.keyring.ensure([("main", "customer-1")])
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="destroyed"),
    ):
        connection.execute(revival.encode())
    assert names(log, "customer-1") == [None]


def test_after_a_rotation_the_new_master_key_opens_everything_and_the_old_one_nothing(
    database: str, log: Log
) -> None:
    log.append(append("customer-1", 0, named("Ann"), claims=[email("ann@example.com", "customer-1")]))
    log.append(append("customer-2", 0, named("Bob")))
    forget(log, "customer-2", 1)
    assert rotate(database, MASTER_KEY, OTHER_KEY) == 1
    with pytest.raises(WrongMasterKey):
        Log(database, MASTER_KEY)
    with Log(database, OTHER_KEY) as rotated:
        assert names(rotated, "customer-1") == ["Ann"]
        assert names(rotated, "customer-2") == [None]
        assert rotated.holder("main", "email", "ann@example.com") == "customer-1"


def test_a_log_left_open_over_a_rotation_makes_no_key_that_the_new_master_key_cannot_open(
    database: str, log: Log
) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    rotate(database, MASTER_KEY, OTHER_KEY)
    with pytest.raises(WrongMasterKey):
        log.append(append("customer-2", 0, named("Bob")))
    log.append(append("customer-1", 1, named("Ann again")))
    with Log(database, OTHER_KEY) as rotated:
        assert names(rotated, "customer-1") == ["Ann", "Ann again"]
        assert rotated.head() == 2


def test_a_rotation_from_a_wrong_key_changes_nothing(database: str, log: Log) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    with pytest.raises(WrongMasterKey):
        rotate(database, OTHER_KEY, bytes(32))
    with Log(database, MASTER_KEY) as again:
        assert names(again, "customer-1") == ["Ann"]


def test_a_claim_is_found_by_its_value_alone_in_its_own_tenant_and_kind(log: Log) -> None:
    log.append(append("customer-1", 0, claims=[email("ann@example.com", "customer-1")]))
    phone = Claim(kind="phone", value="ann@example.com", stream="customer-2")
    log.append(append("customer-2", 0, claims=[phone]))
    asked = [("email", "ann@example.com"), ("phone", "ann@example.com"), ("email", "bob@example.com")]
    assert log.holders("main", asked) == {asked[0]: "customer-1", asked[1]: "customer-2"}
