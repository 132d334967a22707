import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from domain.customer import CustomerReleased, CustomerUnmerged, EmailChanged, FieldEmptied
from domain.deal import DealLost, DealWon
from domain.order import OrderCancelled, OrderLinkedToCustomer, OrderRevised, ShipmentSent
from domain.pipeline import PipelineDefined, Stage
from domain.record import PersonalDataErased
from projections.projector import Projector
from projections.schema import prepare
from projections.views import ORDER
from streams.follower import LogFollower
from streams.log import Log
from tests.projections.conftest import Ask
from tests.projections.facts import append, at, known, merge, moved, opened, paid, placed, refunded

CONTRACT = {
    "customers": "customer_id, name, email, phone, company, country, lifecycle_stage, owner, first_seen_at, "
    "last_seen_at, merged_into, position",
    "customer_money": "customer_id, currency, orders, gross, refunds, refunded, net",
    "identities": "customer_id, kind, value, source, linked_at",
    "leads": "lead_id, customer_id, captured_at, form, status, owner, first_source, first_medium, first_campaign, "
    "last_source, last_medium, last_campaign, converted_at, fields",
    "deals": "deal_id, customer_id, pipeline, stage, title, owner, amount, currency, opened_at, stage_since, "
    "closed_at, outcome, lost_reason",
    "stage_changes": "deal_id, position, changed_at, from_stage, to_stage, seconds_in_from, actor, source",
    "pipeline_board": "pipeline, stage, stage_order, currency, deals, amount, weighted, oldest_since",
    "orders": "order_id, customer_id, source, source_id, placed_at, currency, total, paid, refunded, status, "
    "payment_status, fulfilment_status, anomalies",
    "order_lines": "order_id, line, sku, title, quantity, unit_price, currency",
    "refunds": "refund_id, order_id, customer_id, refunded_at, currency, amount, reason",
    "invoices": "invoice_id, customer_id, order_id, deal_id, issued_at, due_at, currency, subtotal, tax, total, "
    "paid, due, status",
    "timeline": "customer_id, position, occurred_at, recorded_at, type, summary, actor, source, stream",
    "anomalies": "position, stream, kind, detail, found_at, settled_at",
    "projections": "name, version, position, head, lag_events, lag_seconds, state, held_keys, verified_through, "
    "verified_at",
}


@pytest.mark.parametrize("view", CONTRACT)
@pytest.mark.usefixtures("projector")
def test_each_view_has_the_columns_of_the_contract_and_its_tenant(ask: Ask, view: str) -> None:
    columns = {
        name
        for (name,) in ask(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'read' AND table_name = %s",
            view,
        )
    }
    assert {"tenant", *CONTRACT[view].split(", ")} <= columns


@pytest.mark.usefixtures("projector")
def test_every_view_file_is_made_and_read_only_by_the_right_of_its_reader(ask: Ask) -> None:
    files = {path.stem for path in (Path(prepare.__code__.co_filename).parent / "views").glob("*.sql")}
    made = ask(
        "SELECT c.relname, c.reloptions FROM pg_class c WHERE relnamespace = 'read'::regnamespace AND relkind = 'v'"
    )
    assert files == set(ORDER) == {name for name, _ in made}
    assert [options for _, options in made] == [["security_invoker=true"]] * len(made)


def test_a_merged_customers_money_shows_under_the_survivor_until_they_are_parted(
    log: Log, projector: Projector, ask: Ask
) -> None:
    for number in ("1", "2", "3"):
        append(log, f"customer-{number}", known(f"N{number}", f"n{number}@example.org"), customer_id=number)
        append(log, f"order-{number}", [placed(int(number), customer_id=number)], customer_id=number)
    merge(log, "1", "2")
    merge(log, "2", "3", 200)
    projector.catch_up()
    assert ask("SELECT customer_id, orders, gross, net FROM read.customer_money") == [("3", 3, 30, 30)]
    assert ask("SELECT customer_id, recorded_customer_id FROM read.orders ORDER BY 2") == [
        ("3", "1"),
        ("3", "2"),
        ("3", "3"),
    ]
    assert ask("SELECT DISTINCT customer_id FROM read.timeline") == [("3",)]
    assert ask("SELECT DISTINCT customer_id FROM read.identities") == [("3",)]
    assert ask("SELECT customer_id, merged_into, first_seen_at FROM read.customers ORDER BY 1") == [
        ("1", "2", at(0)),
        ("2", "3", at(0)),
        ("3", None, at(0)),
    ]
    append(log, "customer-2", [CustomerUnmerged(occurred_at=at(300), out_of="3", reason="two people")])
    append(log, "customer-3", [CustomerReleased(occurred_at=at(300), unmerged="2", reason="two people")])
    projector.catch_up()
    assert ask("SELECT customer_id, orders FROM read.customer_money ORDER BY 1") == [("2", 2), ("3", 1)]


def test_merges_that_go_round_in_a_circle_still_answer(log: Log, projector: Projector, ask: Ask) -> None:
    for number in ("1", "2"):
        append(log, f"customer-{number}", known(f"N{number}", f"n{number}@example.org"), customer_id=number)
    merge(log, "1", "2")
    merge(log, "2", "1")
    projector.catch_up()
    assert len(ask("SELECT * FROM read.customers")) == 2


def test_a_guest_order_has_no_customer_and_no_money_until_it_is_linked(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [placed(), refunded(order_id="1")])
    projector.catch_up()
    assert ask("SELECT customer_id FROM read.orders") == [(None,)]
    assert ask("SELECT * FROM read.customer_money") == []
    append(log, "order-1", [OrderLinkedToCustomer(occurred_at=at(50), customer_id="c1")], customer_id="c1")
    projector.catch_up()
    assert ask("SELECT customer_id, orders, gross, refunds, refunded, net FROM read.customer_money") == [
        ("c1", 1, 10, 1, 4, 6)
    ]
    assert ask("SELECT DISTINCT customer_id FROM read.timeline") == [("c1",)]
    append(log, "order-1", [OrderLinkedToCustomer(occurred_at=at(60), customer_id=None)])
    projector.catch_up()
    assert ask("SELECT * FROM model.customer_money") == []


def test_what_was_told_before_its_customer_was_known_is_in_the_customers_timeline(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [paid()])
    append(log, "order-1", [placed(customer_id="c1")], customer_id="c1")
    projector.catch_up()
    assert ask("SELECT customer_id, type FROM read.timeline ORDER BY position") == [
        ("c1", "payment-received.v1"),
        ("c1", "order-placed.v1"),
    ]


def test_forgetting_a_customer_does_not_count_as_seeing_them(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "customer-c1", known("Ann", "ann@example.org"), customer_id="c1")
    erased = PersonalDataErased(occurred_at=at(90), reason="asked")
    append(log, "customer-c1", [erased], customer_id="c1")
    projector.catch_up()
    [(last_seen_at,)] = ask("SELECT last_seen_at FROM read.customers")
    assert last_seen_at < at(90)


def test_a_refund_before_its_order_counts_and_its_anomaly_settles_when_the_order_comes(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [refunded(order_id="1", customer_id="c1")], customer_id="c1")
    append(log, "refund-9", [refunded(refund_id="r9", amount="3.00", customer_id="c1")], customer_id="c1")
    projector.catch_up()
    assert ask("SELECT * FROM read.orders") == []
    assert ask("SELECT refund_id, order_id, customer_id, amount FROM read.refunds ORDER BY 1") == [
        ("r1", "1", "c1", 4),
        ("r9", None, "c1", 3),
    ]
    assert ask("SELECT orders, refunds, refunded, net FROM read.customer_money") == [(0, 2, 7, -7)]
    assert ask("SELECT position, stream, kind, settled_at FROM read.anomalies") == [
        (1, "order-1", "order-unknown", None)
    ]
    append(log, "order-1", [placed(customer_id="c1")], customer_id="c1")
    projector.catch_up()
    assert ask("SELECT kind, settled_at > found_at FROM read.anomalies") == [("order-unknown", True)]
    assert ask("SELECT gross, refunded, net FROM read.customer_money") == [(10, 7, 3)]
    assert ask("SELECT anomalies FROM read.orders") == [([],)]


def test_an_order_shows_its_newest_content_lines_and_states(log: Log, projector: Projector, ask: Ask) -> None:
    revised = OrderRevised(occurred_at=at(5), currency="EUR", total=Decimal("7.00"))
    append(log, "order-1", [revised, placed(0), paid(amount="8.00")])
    append(
        log,
        "order-2",
        [placed(), ShipmentSent(occurred_at=at(3), shipment_id="s", quantities={"A": Decimal(1)})],
    )
    append(
        log, "order-3", [placed(), paid(), ShipmentSent(occurred_at=at(3), shipment_id="s", complete=True)]
    )
    append(log, "order-4", [placed(), OrderCancelled(occurred_at=at(3))])
    projector.catch_up()
    assert ask(
        "SELECT order_id, total, status, payment_status, fulfilment_status, anomalies FROM read.orders ORDER BY 1"
    ) == [
        ("1", 7, "open", "paid", "unfulfilled", ["overpaid"]),
        ("2", 10, "open", "unpaid", "partly-fulfilled", []),
        ("3", 10, "open", "paid", "fulfilled", []),
        ("4", 10, "cancelled", "unpaid", "unfulfilled", []),
    ]
    assert ask(
        "SELECT order_id, line, sku, quantity, unit_price, currency FROM read.order_lines ORDER BY 1"
    ) == [(order, 1, "A", 2, 5, "EUR") for order in ("2", "3", "4")]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_stage_changes_are_the_same_in_any_order_of_arrival(
    log: Log, projector: Projector, ask: Ask, order: tuple[int, ...]
) -> None:
    facts = [opened(0), moved(10, "Qualified", 1), moved(10, "Proposal", 2), moved(30, "Qualified")]
    for index in order:
        append(log, "deal-1", [facts[index]])
        projector.catch_up()
    assert ask(
        "SELECT from_stage, to_stage, changed_at, seconds_in_from FROM read.stage_changes ORDER BY changed_at, entry"
    ) == [
        (None, "New", at(0), None),
        ("New", "Qualified", at(10), 600),
        ("Qualified", "Proposal", at(10), 0),
        ("Proposal", "Qualified", at(30), 1200),
    ]
    assert ask("SELECT stage, stage_since, opened_at, outcome FROM read.deals") == [
        ("Qualified", at(30), at(0), "open")
    ]


def test_the_board_follows_the_pipeline_in_force_and_shows_unheard_of_stages(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "deal-1", [opened(0, "Offer"), moved(5, "Offer", 1)])
    append(log, "deal-2", [opened(1, "Proposal", "50.00")])
    append(log, "deal-3", [opened(2, "Limbo", None)])
    append(log, "deal-4", [opened(3, "Proposal"), DealLost(occurred_at=at(9), source="crm", reason="price")])
    append(log, "deal-5", [opened(3, "Won"), DealWon(occurred_at=at(9), source="crm")])
    stages = (
        Stage(name="New", probability=Decimal("0.1")),
        Stage(name="Proposal", probability=Decimal("0.5")),
        Stage(name="Won", outcome="won", probability=Decimal(1)),
    )
    define = PipelineDefined(occurred_at=at(0), name="sales", stages=stages, renamed=(("Offer", "Proposal"),))
    append(log, "pipeline-sales", [define])
    projector.catch_up()
    board = (
        "SELECT stage, stage_order, currency, deals, amount, weighted, oldest_since FROM read.pipeline_board "
        "ORDER BY 1"
    )
    assert ask(board) == [
        ("Limbo", None, None, 1, 0, 0, at(2)),
        ("Proposal", 2, "EUR", 2, 150, 75, at(0)),
        ("Won", 3, "EUR", 1, 100, 100, at(3)),
    ]
    assert ask(
        "SELECT deal_id, outcome, closed_at, lost_reason FROM read.deals WHERE outcome <> 'open' ORDER BY 1"
    ) == [
        ("4", "lost", at(9), "price"),
        ("5", "won", at(9), None),
    ]


def test_a_conflict_is_an_anomaly_until_it_is_settled(log: Log, projector: Projector, ask: Ask) -> None:
    append(log, "customer-1", known("Ann", "ann@example.org"), customer_id="1")
    other = EmailChanged(occurred_at=at(9), email="a@example.com", source="crm", by_owner=False)
    append(log, "customer-1", [other], customer_id="1")
    projector.catch_up()
    assert ask("SELECT email, anomalies FROM read.customers") == [("ann@example.org", ["field-conflict"])]
    assert ask("SELECT kind, detail ->> 'source', settled_at FROM read.anomalies") == [
        ("field-conflict", "crm", None)
    ]


def test_an_emptied_address_is_no_identity_until_it_is_told_again(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "customer-1", known("Ann", "ann@example.org"), customer_id="1")
    emptied = FieldEmptied(occurred_at=at(9), field="email", source="crm")
    append(log, "customer-1", [emptied], customer_id="1")
    projector.catch_up()
    assert ask("SELECT name, email FROM read.customers") == [("Ann", None)]
    assert ask("SELECT value FROM read.identities") == []
    again = EmailChanged(occurred_at=at(12), email="ANN@example.org", source="shop")
    append(log, "customer-1", [again], customer_id="1")
    projector.catch_up()
    assert ask("SELECT email FROM read.customers") == [("ANN@example.org",)]
    assert ask("SELECT value, source FROM read.identities") == [("ann@example.org", "shop")]


def test_an_analyst_sees_one_tenant_only_through_whatever_door(
    log: Log, projector: Projector, ask: Ask
) -> None:
    for tenant in ("a", "b"):
        append(
            log, "customer-1", known(f"Ann of {tenant}", "ann@example.org"), tenant=tenant, customer_id="1"
        )
        append(
            log, "order-1", [placed(customer_id="1"), refunded(order_id="1")], tenant=tenant, customer_id="1"
        )
        append(log, "deal-1", [opened(0, "Odd")], tenant=tenant)
    projector.catch_up()
    for view in CONTRACT.keys() - {"leads", "invoices", "projections", "anomalies"}:
        assert {row[0] for row in ask(f"SELECT tenant FROM read.{view}", analyst_of="a")} == {"a"}, view
        assert ask(f"SELECT count(*) FROM read.{view}", analyst_of="") == [(0,)]
        assert ask(f"SELECT count(*) FROM read.{view} WHERE tenant = 'b'", analyst_of="a") == [(0,)]
    tables = [
        name
        for (name,) in ask(
            "SELECT relname FROM pg_class WHERE relnamespace = 'model'::regnamespace AND relkind = 'r'"
        )
    ]
    for table in tables:
        columns = {
            c
            for (c,) in ask(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass", f"model.{table}"
            )
        }
        if "tenant" in columns and ask(
            "SELECT has_table_privilege('backstory_analyst', %s, 'SELECT')", f"model.{table}"
        ) == [(True,)]:
            assert ask(f"SELECT count(*) FROM model.{table} WHERE tenant = 'b'", analyst_of="a") == [(0,)], (
                table
            )
    plan = "\n".join(str(line) for (line,) in ask("EXPLAIN SELECT * FROM read.customers", analyst_of="a"))
    assert re.search(r"tenant = current_setting\('backstory.tenant'", plan)
    assert "Ann of b" not in plan


def test_a_function_of_an_analyst_that_tells_all_it_is_shown_is_shown_nothing_of_others(
    log: Log, database: str, projector: Projector
) -> None:
    for tenant in ("a", "b"):
        append(
            log, "customer-1", known(f"Ann of {tenant}", "ann@example.org"), tenant=tenant, customer_id="1"
        )
    projector.catch_up()
    told: list[str] = []
    with psycopg.connect(database) as connection:
        connection.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
        connection.execute("SELECT set_config('backstory.tenant', 'a', false)")
        connection.execute("SET ROLE backstory_analyst")
        connection.execute(
            "CREATE FUNCTION pg_temp.tell(name text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS "
            "$$ BEGIN RAISE NOTICE '%', name; RETURN true; END $$"
        )
        connection.execute("SELECT count(*) FROM read.customers WHERE pg_temp.tell(name)")
        connection.execute("SELECT count(*) FROM model.customers WHERE pg_temp.tell(name)")
    assert told == ["Ann of a", "Ann of a"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM log.events",
        "SELECT * FROM log.keys",
        "DELETE FROM model.orders",
        "UPDATE model.customers SET name = 'x'",
        "UPDATE model.places SET position = 0",
        "CREATE TABLE read.mine (x int)",
        "INSERT INTO model.skipped VALUES ('orders', 'a', 1, 'x', 'y')",
    ],
)
@pytest.mark.usefixtures("projector")
def test_an_analyst_may_only_read_and_only_read_models(ask: Ask, sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(sql, analyst_of="a")


def test_projections_say_how_far_each_table_is(log: Log, projector: Projector, ask: Ask) -> None:
    projector.catch_up()
    append(log, "deal-1", [opened()])
    said = ask(
        "SELECT tenant, position, head, lag_events, lag_seconds > 0, state, held_keys, verified_at "
        "FROM read.projections WHERE name = 'customer_money'",
        analyst_of="a",
    )
    assert said == [("a", 0, 1, 1, True, "following", 0, None)]
    projector.catch_up()
    assert set(ask("SELECT lag_events, lag_seconds::int FROM read.projections")) == {(0, 0)}


def test_partitions_say_how_many_of_their_events_wait_and_how_long(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "deal-0", [opened()])
    projector.catch_up()
    for n in range(1, 20):
        append(log, f"deal-{n}", [opened(), moved(5, "Won")])
    with projector._line(LogFollower(log)) as (line, _):  # noqa: SLF001 - so that some are further than others
        line.follow(range(6), log.head(), lambda: False)
    waiting = Counter(recorded.partition for recorded in log.read(1, 1_000) if recorded.partition >= 6)
    told = ask(
        "SELECT partition, lag_events, lag_seconds > 0, worker IS NOT NULL FROM read.partitions "
        "WHERE tenant = 'a' AND model = 'deals' ORDER BY 1",
        analyst_of="a",
    )
    assert told == [(n, waiting[n], waiting[n] > 0, True) for n in range(log.partitions)]
    projector.catch_up()
    assert ask("SELECT DISTINCT lag_events, lag_seconds::int FROM read.partitions") == [(0, 0)]
