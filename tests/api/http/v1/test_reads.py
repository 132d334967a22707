"""Reads: pages that neither skip nor repeat, filters, search, parts of records, and money in sums."""

from typing import Any

import pytest

from tests.api.http.v1.running import Service

AT = "2026-03-01T09:30:00Z"


def pages(service: Service, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = service.get(path, **params, **cursor)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["data"])
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


def test_pages_hold_every_row_once_newest_first_even_where_many_have_the_same_time(service: Service) -> None:
    made = []
    for number in range(23):
        at = f"2026-03-{1 + number // 5:02}T09:30:00Z"
        made.append(service.done("/v1/leads", {"form": "a", "source_id": number, "occurred_at": at}))
    found = pages(service, "/v1/leads", limit=5, after=made[-1]["position"])
    assert [len(page) for page in found] == [5, 5, 5, 5, 3]
    rows = [row for page in found for row in page]
    assert {row["lead_id"] for row in rows} == {one["id"] for one in made}
    assert [row["captured_at"] for row in rows] == sorted((row["captured_at"] for row in rows), reverse=True)


def test_pages_hold_a_refund_of_each_order_that_its_id_was_told_of(service: Service) -> None:
    refund = {"source_id": "r", "currency": "EUR", "occurred_at": AT}
    for number in range(1, 6):
        body = refund | {"order_source_id": number, "amount": number}
        service.done("/v1/refunds", body, Prefer="wait=projected")
    rows = [row for page in pages(service, "/v1/refunds", limit=1) for row in page]
    assert sorted(row["amount"] for row in rows) == ["1", "2", "3", "4", "5"]


def test_a_row_that_comes_between_two_pages_makes_no_other_appear_twice(service: Service) -> None:
    for number in range(4):
        service.done("/v1/leads", {"source_id": number, "occurred_at": AT}, Prefer="wait=projected")
    first = service.get("/v1/leads", limit=2).json()
    late = {"source_id": "new", "occurred_at": "2026-04-01T00:00:00Z"}
    service.done("/v1/leads", late, Prefer="wait=projected")
    second = service.get("/v1/leads", limit=2, cursor=first["next"]).json()
    assert not {row["lead_id"] for row in first["data"]} & {row["lead_id"] for row in second["data"]}
    assert second["next"] is None


def test_a_cursor_is_of_its_list_its_filters_and_its_tenant(service: Service) -> None:
    for number in range(3):
        service.done("/v1/leads", {"form": "a", "source_id": number}, Prefer="wait=projected")
    cursor = service.get("/v1/leads", limit=1).json()["next"]
    stranger = service.as_("admin", tenant="other")
    for answer in (
        service.get("/v1/leads", form="a", cursor=cursor),
        service.get("/v1/deals", cursor=cursor),
        stranger.get("/v1/leads", cursor=cursor),
        service.get("/v1/leads", cursor=cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        service.get("/v1/leads", cursor="é"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor-invalid")
    assert service.get("/v1/leads", limit=2, cursor=cursor).status_code == 200


def test_filters_are_joined_and_search_finds_parts_in_any_case(service: Service) -> None:
    people = [
        ("Ärzte Müller", "ann@example.org", "GB"),
        ("Bob", "bob@example.org", "GB"),
        ("100%_x", "c@example.com", "DE"),
    ]
    for name, email, country in people:
        body = {"name": name, "email": email, "country": country}
        service.done("/v1/customers", body, Prefer="wait=projected")

    def names(**params: str) -> set[str]:
        return {row["name"] for row in service.get("/v1/customers", **params).json()["data"]}

    assert names(country="GB") == {"Ärzte Müller", "Bob"}
    assert names(country="GB", q="example.ORG", email="bob@example.org") == {"Bob"}
    assert names(q="ärzte mÜ") == {"Ärzte Müller"}
    assert names(q="0%_") == {"100%_x"}
    assert names(q="%") == {"100%_x"}
    assert names(q="b_b") == set()
    assert names(q="'; DROP TABLE x; --") == set()


def test_a_customer_is_shown_with_money_identities_and_timeline(service: Service) -> None:
    ann = {"email": "ann@example.org"}
    customer = service.done("/v1/customers", ann | {"name": "Ann"})
    order = {"currency": "EUR", "customer": ann, "occurred_at": AT}
    for number, currency in enumerate(("EUR", "EUR", "USD")):
        body = order | {"source_id": number, "currency": currency, "total": "0.10"}
        made = service.done("/v1/orders", body)
    refund = {"source_id": "r", "currency": "USD", "amount": "0.03", "occurred_at": AT}
    last = service.done(f"/v1/orders/{made['id']}/refunds", refund)
    shown = service.get(f"/v1/customers/{customer['id']}", after=last["position"]).json()
    money = {
        row["currency"]: (row["orders"], row["gross"], row["refunded"], row["net"]) for row in shown["money"]
    }
    assert money == {"EUR": (2, "0.20", "0", "0.20"), "USD": (1, "0.10", "0.03", "0.07")}
    assert [(row["kind"], row["value"]) for row in shown["identities"]] == [("email", "ann@example.org")]
    timeline = [
        row for page in pages(service, f"/v1/customers/{customer['id']}/timeline", limit=3) for row in page
    ]
    assert len({row["position"] for row in timeline}) == len(timeline)
    assert {"customer-registered.v1", "order-placed.v1", "refund-issued.v1"} <= {
        row["type"] for row in timeline
    }


def test_a_merged_customers_records_are_shown_under_the_other_and_come_back_when_unmerged(
    service: Service,
) -> None:
    one = service.done("/v1/customers", {"email": "one@example.org"})
    two = service.done("/v1/customers", {"email": "two@example.org"})
    order = {"source_id": "1", "currency": "EUR", "total": "5", "customer": {"email": "one@example.org"}}
    service.done("/v1/orders", order | {"occurred_at": AT})

    def orders_of(customer_id: str) -> int:
        return len(service.get("/v1/orders", customer_id=customer_id).json()["data"])

    merged = service.done(
        f"/v1/customers/{one['id']}/merge", {"into": two["id"], "reason": "same"}, Prefer="wait=projected"
    )
    assert merged["id"] == two["id"]
    assert (orders_of(one["id"]), orders_of(two["id"])) == (0, 1)
    assert [row["customer_id"] for row in service.get("/v1/orders").json()["data"]] == [two["id"]]
    assert service.get(f"/v1/customers/{one['id']}").json()["merged_into"] == two["id"]
    assert len(service.get("/v1/customers", merged="false").json()["data"]) == 1
    service.done(f"/v1/customers/{one['id']}/unmerge", {"reason": "no"}, Prefer="wait=projected")
    assert (orders_of(one["id"]), orders_of(two["id"])) == (1, 0)


def test_a_conflict_about_a_field_is_settled(service: Service) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415

    from commands.command import Context, DefineOwnership  # noqa: PLC0415
    from commands.handle import handle  # noqa: PLC0415

    context = Context(tenant="main", actor="test", source="backstory", now=datetime.now(UTC))
    handle(service.log, DefineOwnership(owners={"name": "crm"}), context)
    ann = {"email": "ann@example.org"}
    customer = service.done("/v1/customers", ann | {"name": "Ann", "source": "crm"})
    path = f"/v1/customers/{customer['id']}"
    assert service.ask("PATCH", path, {"name": "Anna"}).status_code == 201
    settled = service.post(
        f"{path}/conflicts", {"field": "name", "accept": "offered"}, Prefer="wait=projected"
    )
    assert settled.status_code == 201
    assert service.get(path).json()["name"] == "Anna"
    again = service.post(f"{path}/conflicts", {"field": "name", "accept": "owner"})
    assert (again.status_code, again.json()["code"]) == (422, "no-conflict")


def test_null_empties_a_field_of_a_customer_and_what_is_left_out_says_nothing(service: Service) -> None:
    ann = {"email": "ann@example.org", "phone": "+49 30 123456", "company": "Lamps & Co"}
    path = f"/v1/customers/{service.done('/v1/customers', ann)['id']}"
    answer = service.ask("PATCH", path, {"phone": None, "name": "Ann"}, Prefer="wait=projected")
    assert answer.status_code == 201
    shown = service.get(path).json()
    assert [shown[name] for name in ("phone", "name", "company")] == [None, "Ann", "Lamps & Co"]
    assert [known["kind"] for known in shown["identities"]] == ["email"]
    [told] = [
        entry for entry in service.get(f"{path}/timeline").json()["data"] if "emptied" in entry["summary"]
    ]
    assert (told["type"], told["summary"]) == ("field-emptied.v1", "Phone number emptied by backstory")
    service.ask("PATCH", path, {"phone": "+49 30 123456"}, Prefer="wait=projected")
    assert service.get(path).json()["phone"] == "+49 30 123456"


def test_nobody_is_registered_by_what_they_do_not_have(service: Service) -> None:
    answer = service.post("/v1/customers", {"phone": None})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_the_board_counts_and_sums_every_deal_by_stage_and_currency(service: Service) -> None:
    for amount, currency in (("100.10", "EUR"), ("200.20", "EUR"), ("7", "USD")):
        body = {"stage": "Proposal", "title": "Tea", "amount": amount, "currency": currency}
        service.done("/v1/deals", body, Prefer="wait=projected")
    columns = service.get("/v1/board", pipeline="sales").json()["data"]
    found = {
        (row["stage"], row["currency"]): (row["deals"], row["amount"], row["weighted"]) for row in columns
    }
    assert found == {("Proposal", "EUR"): (2, "300.30", "150.1500"), ("Proposal", "USD"): (1, "7", "3.50")}


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/board", "/v1/customers", "/v1/orders"])
def test_an_empty_list_is_a_list(service: Service, path: str) -> None:
    answer = service.get(path, after=service.log.head())
    assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_defining_a_pipeline_needs_the_version_that_was_seen_if_one_is_named(service: Service) -> None:
    shown = service.get("/v1/pipelines/sales")
    assert (shown.headers["etag"], shown.json()["stages"][0]["name"]) == ('"0"', "New")
    body = {"stages": [{"name": "A"}], "renamed": {"New": "A"}}
    assert service.ask("PUT", "/v1/pipelines/sales", body, If_Match='"0"').status_code == 201
    assert service.ask("PUT", "/v1/pipelines/sales", body).status_code == 200
    other = {"stages": [{"name": "B", "probability": "0.25"}]}
    assert service.ask("PUT", "/v1/pipelines/sales", other, If_Match='"0"').status_code == 412
    assert service.ask("PUT", "/v1/pipelines/sales", other, If_Match='"1"').status_code == 201
    assert service.get("/v1/pipelines/sales").json()["stages"][0]["probability"] == "0.25"


def test_a_position_that_no_event_has_is_told_at_once(service: Service) -> None:
    answer = service.get("/v1/orders", after=service.log.head() + 1_000_000)
    assert (answer.status_code, answer.json()["code"]) == (400, "position-unknown")
