"""CloudEvents: one, many, in headers; each once by source and id; a bad one does not stop the others."""

import json
from typing import Any

import pytest
from httpx2 import Response

from api.http.v1.events import ORDER, PAYMENT
from api.intake.reports import REPORTS
from tests.api.http.v1.running import Service

ONE, MANY = "application/cloudevents+json", "application/cloudevents-batch+json"


def send(service: Service, body: Any, kind: str = ONE, **headers: str) -> Response:
    sent = {"Authorization": f"Bearer {service.secret}", "Content-Type": kind}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return service.client.post("/v1/events", content=json.dumps(body).encode(), headers=sent)


def test_the_documents_examples_are_recorded_and_validate(service: Service) -> None:
    found = service.client.get("/openapi.json").json()["paths"]["/v1/events"]["post"]
    for kind, told in found["requestBody"]["content"].items():
        for example in told.get("examples", {}).values():
            answer = send(service, example["value"], kind)
            assert answer.status_code in {200, 201}, answer.text
            assert answer.is_success


def test_an_event_counts_once_by_its_source_and_id(service: Service) -> None:
    first, again = send(service, ORDER), send(service, ORDER)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    elsewhere = send(service, ORDER | {"source": "other-shop"})
    assert elsewhere.status_code == 201
    assert elsewhere.json()["id"] != first.json()["id"]


def test_an_event_tells_its_version_and_takes_none(service: Service) -> None:
    for answer in (send(service, ORDER), send(service, ORDER)):
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
    head = service.log.head()
    for body, kind in ((PAYMENT, ONE), ([PAYMENT], MANY)):
        answer = send(service, body, kind, If_Match='"1"')
        assert (answer.status_code, answer.json()["code"]) == (400, "if-match-unsupported")
    assert service.log.head() == head


def test_a_customers_null_empties_and_that_of_whoever_ordered_says_nothing(service: Service) -> None:
    def told(ident: str, minute: int, type_: str, **data: object) -> str:
        event = {"specversion": "1.0", "id": ident, "source": "crm", "type": type_}
        at = f"2026-03-01T09:{minute}:00Z"
        answer = send(service, event | {"time": at, "data": data}, Prefer="wait=projected")
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["id"])

    ident = told("1", 30, "customer-reported.v1", source_id="7", phone="+49 30 123456", company="Lamps")
    who = {"source_id": "7", "phone": None, "company": None}
    told("2", 31, "order-placed.v1", source_id="o", total="1", currency="EUR", customer=who)
    told("3", 33, "customer-reported.v1", source_id="7", phone=None)
    told("4", 32, "customer-reported.v1", source_id="7", phone="+49 30 123456", company=None)
    shown = service.get(f"/v1/customers/{ident}").json()
    assert (shown["phone"], shown["company"]) == (None, None)
    told("5", 34, "customer-reported.v1", source_id="7", company="Lamps & Co")
    assert service.get(f"/v1/customers/{ident}").json()["company"] == "Lamps & Co"


def test_an_event_id_used_for_something_else_is_refused(service: Service) -> None:
    send(service, ORDER)
    answer = send(service, ORDER | {"data": ORDER["data"] | {"total": "1"}})  # type: ignore[operator]
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


def test_in_a_batch_an_id_told_again_counts_once_and_told_otherwise_is_refused(service: Service) -> None:
    other = ORDER | {"data": ORDER["data"] | {"total": "1"}}  # type: ignore[operator]
    results = send(service, [ORDER, other, ORDER], MANY, Prefer="wait=projected").json()["results"]
    assert [one["status"] for one in results] == [201, 422, 200]
    assert results[1]["code"] == "idempotency-key-reused"
    [shown] = service.get("/v1/orders").json()["data"]
    assert shown["total"] == "29.90"


def test_attributes_that_extend_an_event_are_no_part_of_what_it_says(service: Service) -> None:
    first = send(service, ORDER | {"traceparent": "00-1", "partitionkey": "x", "region": {"a": [1]}})
    again = send(service, ORDER)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())


def test_an_event_in_headers_is_the_same_event(service: Service) -> None:
    first = send(service, ORDER)
    headers = {f"ce-{name}": str(ORDER[name]) for name in ("specversion", "id", "source", "type", "time")}
    again = send(service, ORDER["data"], "application/json", **headers)
    assert (again.status_code, again.json()) == (200, first.json())


def test_attributes_in_headers_are_percent_encoded(service: Service) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "caf%C3%A9",
        "ce-source": "shop",
        "ce-type": "order-placed.v1",
    }
    body = ORDER["data"] | {"occurred_at": ORDER["time"]}  # type: ignore[operator]
    assert send(service, body, "application/json", **headers).status_code == 201
    assert send(service, ORDER | {"id": "café", "data": body}).status_code == 200


def test_a_batch_is_answered_event_by_event_and_its_bad_ones_stop_nothing(service: Service) -> None:
    batch = [
        PAYMENT,
        ORDER,
        ORDER,
        ORDER | {"id": "2", "type": "order-teleported.v1"},
        ORDER | {"id": "3", "data": {"source_id": "1", "currency": "EUR", "total": 1.5}},
        "not an event",
        ORDER | {"id": "4", "data": ORDER["data"] | {"source": "elsewhere"}},  # type: ignore[operator]
        ORDER | {"id": "5", "time": None},
    ]
    answer = send(service, batch, MANY)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["status"] for one in results] == [201, 201, 200, 422, 400, 400, 400, 400]
    assert [one["event"] for one in results] == ["8d70", "8d6f", "8d6f", "2", "3", None, "4", "5"]
    assert results[3]["types"] == sorted(REPORTS)
    assert results[4]["errors"][0]["at"] == "/data/total"
    assert results[5]["errors"] == [{"at": "/", "rule": "a JSON object"}]
    assert results[1]["id"] == results[0]["id"] == results[2]["id"]
    shown = service.get(f"/v1/orders/{results[1]['id']}", after=results[1]["position"]).json()
    assert (shown["total"], shown["paid"]) == ("29.90", "29.90")


def test_an_event_of_a_batch_that_cannot_be_read_as_json_stops_no_other(service: Service) -> None:
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    batch = [
        ORDER | {"id": "nul\0"},
        ORDER | {"id": "half \ud800"},
        ORDER | {"data": float("inf")},
        ORDER | {"data": deep},
        ORDER,
    ]
    body = json.dumps(batch).removesuffix("]") + ', {"id": "1", "id": "2"}]\n'
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": f"{MANY}; charset=utf-8"}
    answer = service.client.post("/v1/events", content=body.encode(), headers=headers)
    results = answer.json()["results"]
    assert [one["status"] for one in results] == [400, 400, 400, 400, 201, 400]
    assert [one["event"] for one in results] == [None, None, None, None, ORDER["id"], None]
    assert [one.get("code") for one in results] == [
        "malformed",
        "malformed-json",
        "malformed-json",
        "too-deep",
        None,
        "malformed-json",
    ]
    assert [one["errors"][0]["at"] for one in results[:3]] == ["/id", "/id", "/data"]


@pytest.mark.parametrize("body", ["[", "[{},]", "[{}", "[{} {}]", '["\\ud800"] x', "[" * 5_000, "[\xff]"])
def test_a_batch_that_is_no_array_of_json_is_refused_whole(service: Service, body: str) -> None:
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": MANY}
    answer = service.client.post("/v1/events", content=body.encode("latin-1"), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_batch_sent_again_records_nothing(service: Service) -> None:
    send(service, [ORDER, PAYMENT], MANY)
    head = service.log.head()
    again = send(service, [ORDER, PAYMENT], MANY)
    assert [one["status"] for one in again.json()["results"]] == [200, 200]
    assert service.log.head() == head


def test_facts_in_any_order_end_the_same(service: Service) -> None:
    refund = PAYMENT | {
        "id": "r",
        "type": "refund-issued.v1",
        "data": {"source_id": "r-1", "order_source_id": "1001", "currency": "EUR", "amount": "9.90"},
    }
    ends = []
    for source, batch in (("a", [ORDER, PAYMENT, refund]), ("b", [refund, PAYMENT, ORDER])):
        results = send(service, [one | {"source": source} for one in batch], MANY).json()["results"]
        assert {one["status"] for one in results} == {201}
        position = max(one["position"] for one in results)
        [row] = service.get("/v1/orders", source=source, after=position).json()["data"]
        ends.append({name: row[name] for name in ("total", "paid", "refunded", "status", "payment_status")})
    assert ends[0] == ends[1]
    assert ends[0]["refunded"] == "9.90"


@pytest.mark.parametrize("body", [{}, 7, "x", [], None, ORDER | {"specversion": "0.3"}, {"id": "1"}])
def test_what_is_no_event_is_malformed(shared: Service, body: object) -> None:
    answer = send(shared, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("body", [ORDER, [ORDER] * 1001, 7])
def test_what_is_no_batch_is_malformed(shared: Service, body: object) -> None:
    assert send(shared, body, MANY).status_code == 400


def test_a_key_of_one_source_cannot_speak_for_another(service: Service) -> None:
    shop = service.as_("service", "events:write", "source:shop")
    assert send(shop, ORDER).status_code == 201
    answer = send(shop, ORDER | {"source": "bank"})
    assert (answer.status_code, answer.json()["code"]) == (403, "source-forbidden")


def test_an_event_cannot_refer_to_another_tenants_records(service: Service) -> None:
    theirs = service.as_("admin", tenant="other").done("/v1/customers", {"name": "Bo"})
    data = {"source_id": "d", "stage": "New", "title": "x", "customer_id": theirs["id"]}
    answer = send(service, ORDER | {"type": "deal-opened.v1", "data": data})
    assert (answer.status_code, answer.json()["code"]) == (422, "reference-unknown")


def test_every_type_that_is_taken_is_recorded_and_shown(service: Service) -> None:
    batch = [ORDER | {"id": kind, "type": kind, "data": report.example} for kind, report in REPORTS.items()]
    results = send(service, batch, MANY, Prefer="wait=projected").json()["results"]
    assert {one["status"] for one in results} == {201}, results
    [deal] = service.get("/v1/deals").json()["data"]
    assert (deal["stage"], deal["amount"]) == ("Proposal", "5")
    [order] = service.get("/v1/orders").json()["data"]
    assert (order["paid"], order["refunded"], order["status"]) == ("10", "1", "cancelled")
    [invoice] = service.get("/v1/invoices").json()["data"]
    assert (invoice["total"], invoice["paid"]) == ("11", "11")
    assert [row["status"] for row in service.get("/v1/leads").json()["data"]] == ["qualified"]
