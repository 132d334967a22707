from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from domain.customer import CountryChanged, FieldConflictSettled, IdentityTaken, NameChanged
from domain.lead import FormSubmitted, LeadCaptured, Touch
from domain.order import OrderPlaced
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.tenant import ApiKeyCreated, ApiKeyRevoked
from projections import line
from projections.models import ALL
from projections.projector import Projector
from replay.rebuild import rebuild
from replay.verify import differences
from streams.log import Log
from streams.reading import read_streams
from streams.records import Append, Change, Recorded
from tests.projections.conftest import Ask
from tests.projections.facts import append, at, known, paid, placed, refunded


def withdrawn(*versions: int) -> EventsWithdrawn:
    return EventsWithdrawn(occurred_at=at(500), versions=versions, reason="imported by mistake", batch="b1")


@pytest.mark.parametrize("batch", [1, 2, 1000])
@pytest.mark.usefixtures("projector")
def test_withdrawn_events_count_as_never_having_happened(
    log: Log, database: str, ask: Ask, batch: int
) -> None:
    append(log, "order-1", [placed(customer_id="c1"), paid()], customer_id="c1")
    append(log, "order-2", [placed(customer_id="c1"), refunded(order_id="2")], customer_id="c1")
    append(log, "order-2", [withdrawn(2)])
    append(log, "order-3", [placed(customer_id="c1")], customer_id="c1")
    append(log, "order-3", [withdrawn(1)])
    append(log, "order-1", [refunded(order_id="1", amount="1.00", refund_id="r9")], customer_id="c1")
    Projector(log, database, batch=batch).catch_up()
    assert ask("SELECT order_id, total, refunded, position FROM read.orders ORDER BY 1") == [
        ("1", 10, 1, 8),
        ("2", 10, 0, 5),
    ]
    assert ask("SELECT orders, gross, refunds, refunded, net FROM read.customer_money") == [(2, 20, 1, 1, 19)]
    assert ask("SELECT position FROM read.timeline ORDER BY 1") == [(1,), (2,), (3,), (5,), (7,), (8,)]
    assert differences(log, database) == []


@pytest.mark.parametrize(("at_once", "reads"), [(1_000, 1), (2, 3)])
def test_streams_whose_events_are_withdrawn_together_are_read_together(
    log: Log, projector: Projector, monkeypatch: pytest.MonkeyPatch, at_once: int, reads: int
) -> None:
    orders = [(tenant, f"order-{number}") for number in range(6) for tenant in ("a", "b")]
    for tenant, stream in orders:
        append(log, stream, [placed(customer_id="c1"), paid()], tenant=tenant)
    projector.catch_up()
    for number, (tenant, stream) in enumerate(orders):
        append(log, stream, [withdrawn(*((1, 2) if number % 3 else (2,)))], tenant=tenant)
    read: Counter[str] = Counter()

    def noted(
        log: Log, tenant: str, streams: Sequence[str], until: Sequence[int]
    ) -> dict[str, list[Recorded]]:
        read[tenant] += 1
        return read_streams(log, tenant, streams, until)

    monkeypatch.setattr(line, "read_streams", noted)
    monkeypatch.setattr(line, "_STREAMS", at_once)
    projector.catch_up()
    concerned = sum(model.follows("order") for model in ALL.models)
    assert set(read) == {"a", "b"}
    assert max(read.values()) <= reads * concerned
    assert differences(log, log.conninfo) == []


def test_a_customer_whose_orders_are_all_withdrawn_has_no_money(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [placed(customer_id="c1")])
    projector.catch_up()
    assert ask("SELECT gross FROM read.customer_money") == [(10,)]
    append(log, "order-1", [withdrawn(1)])
    projector.catch_up()
    assert ask("SELECT * FROM model.customer_money") == []


def test_a_withdrawal_concerns_every_part_of_its_stream(
    log: Log, database: str, projector: Projector, ask: Ask
) -> None:
    def created(key: str) -> ApiKeyCreated:
        return ApiKeyCreated(occurred_at=at(0), key_id=key, name=key, digest="0" * 64, role="service")

    append(
        log,
        "tenant-keys",
        [created("k1"), created("k2"), ApiKeyRevoked(occurred_at=at(1), key_id="k1", reason="x")],
    )
    projector.catch_up()
    append(log, "tenant-keys", [withdrawn(3)])
    projector.catch_up()
    assert ask("SELECT key_id, revoked_at FROM model.api_keys ORDER BY 1") == [("k1", None), ("k2", None)]
    assert differences(log, database) == []


def forget(log: Log, customer: str, *streams: str) -> None:
    changes = [
        Change(
            stream=stream,
            expected=len(log.stream("main", stream)),
            events=[PersonalDataErased(occurred_at=at(900), reason="asked")],
            customer_id=customer,
        )
        for stream in (f"customer-{customer}", *streams)
    ]
    destroy = (f"customer-{customer}",)
    log.append(Append(tenant="main", changes=changes, actor="alice", source="test", destroy=destroy))


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.usefixtures("database")
def test_an_erased_person_is_in_no_row_and_no_rebuild_brings_them_back(
    log: Log,
    projector: Projector,
    ask: Ask,
    early: bool,  # noqa: FBT001 - both ways are tried
) -> None:
    append(
        log,
        "customer-1",
        [
            *known("Ann Smith", "ann@example.org"),
            CountryChanged(occurred_at=at(1), country="NL", source="shop"),
            NameChanged(occurred_at=at(2), name="Anna Smith", source="crm", by_owner=False),
            IdentityTaken(occurred_at=at(3), kind="phone", value="+31611111111", source="crm", holder="9"),
        ],
        customer_id="1",
    )
    captured = LeadCaptured(
        occurred_at=at(0), source="web", form="contact", customer_id="1", fields={"message": "I am Ann Smith"}
    )
    append(log, "lead-1", [captured], customer_id="1")
    append(log, "order-1", [placed(customer_id="1")], customer_id="1")
    if early:
        projector.catch_up()
        assert "Ann" in str(ask("SELECT * FROM model.customers"))
        assert "Ann" in str(ask("SELECT * FROM model.leads"))
    append(log, "customer-1", [FieldConflictSettled(occurred_at=at(4), field="name")], customer_id="1")
    forget(log, "1", "lead-1")
    projector.catch_up()
    rebuilt = rebuild(log, ["customers", "leads", "timeline"])
    for _ in ("live", "rebuilt"):
        for table in ("customers", "leads", "orders", "timeline", "held"):
            rows = str(ask(f"SELECT t::text FROM model.{table} t"))
            assert not [word for word in ("Ann", "ann@", "611111111", "Smith") if word in rows], (table, rows)
        assert ask("SELECT name, email, country, erased_at FROM read.customers") == [
            (None, None, "NL", at(900))
        ]
        assert ask("SELECT fields, customer_id FROM read.leads") == [({}, "1")]
        assert ask("SELECT gross FROM read.customer_money") == [(10,)]
        rebuild(log, ["customers", "leads", "timeline"], approve=True)
    assert [(each.name, each.differing) for each in rebuilt.models] == [
        ("customers", 0),
        ("leads", 0),
        ("timeline", 0),
    ]


def test_a_lead_shows_its_first_and_last_touch_and_its_newest_answers(
    log: Log, projector: Projector, ask: Ask
) -> None:
    def sent(minutes: float, source: str, **fields: str) -> FormSubmitted:
        return FormSubmitted(
            occurred_at=at(minutes), form="contact", touch=Touch(source=source), fields=fields
        )

    append(log, "lead-1", [sent(9, "mail", city="Delft"), sent(5, "ads", city="Gouda", size="3")])
    projector.catch_up()
    assert ask("SELECT * FROM read.leads") == []
    assert ask("SELECT kind, settled_at FROM read.anomalies") == [("lead-unknown", None)]
    captured = LeadCaptured(occurred_at=at(1), source="web", touch=Touch(source="search", medium="organic"))
    append(log, "lead-1", [captured])
    projector.catch_up()
    assert ask(
        "SELECT first_source, first_medium, last_source, captured_at, status, fields FROM read.leads"
    ) == [("search", "organic", "mail", at(1), "open", {"city": "Delft", "size": "3"})]
    assert ask("SELECT settled_at IS NOT NULL FROM read.anomalies") == [(True,)]


def test_money_in_an_event_keeps_every_digit(log: Log, projector: Projector, ask: Ask) -> None:
    precise = OrderPlaced(
        occurred_at=at(0),
        source="s",
        source_id="1",
        currency="EUR",
        total=Decimal("0.12345678901234567890"),
        customer_id="c",
    )
    append(log, "order-1", [precise])
    projector.catch_up()
    assert ask("SELECT gross FROM read.customer_money") == [(Decimal("0.12345678901234567890"),)]
