import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import registered, stored
from domain.order import PaymentReceived
from streams.codec import Codec
from streams.errors import UnknownEventType, UnreadableEvent
from streams.log import Log
from streams.records import Unreadable
from tests.streams.requests import append, named, paid
from tests.streams.strategies import events


@pytest.mark.parametrize("name", sorted(registered()))
@settings(max_examples=25)
@given(data=st.data())
def test_every_event_reads_as_it_was_written(shared_log: Log, name: str, data: st.DataObject) -> None:
    event = data.draw(events(registered()[name]))
    stored_name, written = shared_log.codec.encode("main", "customer-1", event)
    assert stored_name == name
    assert shared_log.codec.decode("main", name, written) == event


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("amount", "twelve", "amount"),
        ("currency", None, "currency"),
        ("occurred_at", "yesterday", "occurred_at"),
        ("payment_id", 7, "payment_id"),
    ],
)
def test_bad_data_is_refused_naming_the_type_and_the_field(
    log: Log, field: str, value: object, rule: str
) -> None:
    data = json.loads(log.codec.encode("main", "order-1", paid())[1]) | {field: value}
    with pytest.raises(UnreadableEvent, match=rule) as refusal:
        log.codec.decode("main", "payment-received.v1", json.dumps(data))
    assert refusal.value.detail["type"] == "payment-received.v1"


def test_an_unknown_type_is_refused_by_name(log: Log) -> None:
    with pytest.raises(UnknownEventType, match=r"unheard-of\.v1"):
        log.codec.decode("main", "unheard-of.v1", "{}")


def test_readers_that_must_go_on_get_an_unreadable_event_in_its_place(log: Log) -> None:
    log.append(append("order-1", 0))
    row = log_row(log) | {"type": "unheard-of.v1"}
    [recorded] = log.decode([tuple(row.values())], strict=False)
    assert isinstance(recorded.event, Unreadable)
    assert "unheard-of.v1" in recorded.event.why
    assert (recorded.position, recorded.stream, recorded.version) == (1, "order-1", 1)
    with pytest.raises(UnknownEventType):
        list(log.decode([tuple(row.values())]))


def log_row(log: Log) -> dict[str, Any]:
    names = [
        "position",
        "tenant",
        "stream",
        "version",
        "type",
        "customer_id",
        "recorded_at",
        "actor",
        "source",
        "data",
    ]
    with log.connection() as connection:
        cursor = connection.execute(
            f"SELECT {', '.join(names).replace('data', 'data::text')} FROM log.events".encode()
        )
        return dict(zip(names, cursor.fetchone() or (), strict=True))


def test_an_old_version_is_read_through_every_upcast_up_to_todays(log: Log) -> None:
    codec = Codec(
        log.keyring,
        {
            "money-came.v1": ("money-came.v2", lambda data: {**data, "currency": "EUR"}),
            "money-came.v2": (
                "payment-received.v1",
                lambda data: {"payment_id": data.pop("reference"), **data},
            ),
        },
    )
    old = {"occurred_at": "2026-01-01T00:00:00Z", "reference": "1", "amount": "1"}
    assert codec.decode("main", "money-came.v1", json.dumps(old)) == paid()
    assert codec.decode("main", "money-came.v2", json.dumps({**old, "currency": "EUR"})) == paid()
    del old["reference"]
    with pytest.raises(
        UnreadableEvent, match=r"upcast to payment-received\.v1 failed: KeyError at 'reference'"
    ):
        codec.decode("main", "money-came.v1", json.dumps(old))


def test_an_upcast_sees_sealed_fields_in_plain_text(log: Log) -> None:
    sealed = log.keyring.seal("main", "customer-1", "called.v1", b'{"called": "Ann"}')
    old = {"occurred_at": "2026-01-01T00:00:00Z", "called": None, "$subject": "customer-1", "$sealed": sealed}
    codec = Codec(
        log.keyring,
        {"called.v1": ("name-changed.v1", lambda data: {**data, "name": data["called"], "source": "shop"})},
    )
    assert codec.decode("main", "called.v1", json.dumps(old)) == named("Ann")


def test_whoever_imports_the_codec_knows_every_event() -> None:
    script = (
        "import streams.codec, domain.event as e, pkgutil, domain, importlib;"
        "before = set(e.registered());"
        "[importlib.import_module('domain.' + m.name) for m in pkgutil.iter_modules(domain.__path__)];"
        "assert before == set(e.registered()) and len(before) > 50"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="already belongs to PaymentReceived"):
        stored("payment-received.v1")(PaymentReceived)
