"""Writes: once, on the version that was seen, exact, and waited for as long as asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.http.v1.running import Service

DEAL = {"stage": "New", "title": "Tea for 12 offices"}
ORDER = {"source_id": "1001", "currency": "EUR", "total": "29.90", "occurred_at": "2026-03-01T09:30:00Z"}


def test_a_form_posted_twice_with_the_same_address_is_one_lead_with_two_submissions(service: Service) -> None:
    form = {"form": "contact", "customer": {"email": "ann@example.org"}, "fields": {"message": "Hello"}}
    first = service.done("/v1/leads", form)
    second = service.done("/v1/leads", form)
    assert first["id"] == second["id"]
    types = [one.type for one in service.log.stream("main", f"lead-{first['id']}")]
    assert types.count("form-submitted.v1") == 2
    assert len(service.get("/v1/leads", after=second["position"]).json()["data"]) == 1


def test_50_identical_posts_at_once_make_one_lead_and_one_customer_and_all_get_the_same_answer(
    service: Service,
) -> None:
    form = {"form": "contact", "customer": {"email": "ann@example.org"}}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.post("/v1/leads", form, Idempotency_Key="once"), range(50)))
    assert {answer.status_code for answer in answers} == {200, 201}
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len({answer.text for answer in answers}) == 1
    position = answers[0].json()["position"]
    assert len(service.get("/v1/leads", after=position).json()["data"]) == 1
    assert len(service.get("/v1/customers", after=position).json()["data"]) == 1


def test_50_people_on_one_form_at_once_with_the_same_address_are_one_customer(service: Service) -> None:
    form = {"form": "contact", "customer": {"email": "ann@example.org"}}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.post("/v1/leads", form), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    position = max(answer.json()["position"] for answer in answers)
    assert len(service.get("/v1/customers", after=position).json()["data"]) == 1


def test_the_same_key_with_another_body_is_refused_and_records_nothing(service: Service) -> None:
    service.done("/v1/leads", {"form": "a"}, Idempotency_Key="k")
    head = service.log.head()
    answer = service.post("/v1/leads", {"form": "b"}, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert service.post("/v1/deals", DEAL, Idempotency_Key="k").status_code == 422
    assert service.log.head() == head


def test_of_two_bodies_under_one_key_at_the_same_moment_one_is_recorded_and_the_other_refused(
    service: Service,
) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda n: service.post("/v1/leads", {"form": f"f{n % 2}"}, Idempotency_Key="k"), range(32)
            )
        )
    by_body = [{answer.status_code for answer in answers[n::2]} for n in (0, 1)]
    assert sorted(by_body, key=len) == [{422}, {200, 201}]
    assert len(service.get("/v1/leads", after=service.log.head()).json()["data"]) == 1


def test_idempotency_keys_are_each_api_keys_own(service: Service) -> None:
    service.done("/v1/leads", {"form": "a"}, Idempotency_Key="1")
    other = service.as_("service")
    assert other.post("/v1/leads", {"form": "b"}, Idempotency_Key="1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_has_a_bounded_length(shared: Service, key: str) -> None:
    answer = shared.post("/v1/leads", {"form": "a"}, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-malformed")


def test_a_post_without_an_idempotency_key_is_refused(shared: Service) -> None:
    headers = {"Authorization": f"Bearer {shared.secret}"}
    answer = shared.client.post("/v1/leads", json={"form": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


def test_a_follow_up_without_an_id_gets_the_same_one_when_the_request_is_repeated(service: Service) -> None:
    deal = service.done("/v1/deals", DEAL)
    path, body = f"/v1/deals/{deal['id']}/follow-ups", {"due_on": "2026-03-31", "task": "Call back"}
    first = service.post(path, body, Idempotency_Key="f")
    again = service.post(path, body, Idempotency_Key="f")
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())


def test_if_match_lets_the_version_pass_that_was_seen_and_refuses_an_older_one(service: Service) -> None:
    deal = service.post("/v1/deals", DEAL)
    path = f"/v1/deals/{deal.json()['id']}/stage"
    assert service.post(path, {"stage": "Qualified"}, If_Match=deal.headers["etag"]).status_code == 201
    stale = service.post(path, {"stage": "Lost"}, If_Match=deal.headers["etag"])
    assert (stale.status_code, stale.json()["code"]) == (412, "version-mismatch")
    assert (stale.json()["expected"], stale.json()["current"]) == (1, 2)


def test_the_etag_of_a_read_is_the_version_that_a_change_must_match(service: Service) -> None:
    form = {"form": "contact", "customer": {"email": "ann@example.org"}}
    lead = service.done("/v1/leads", form)
    shown = service.get(f"/v1/leads/{lead['id']}", after=lead["position"])
    assert shown.headers["etag"] == f'"{lead["version"]}"'
    path = f"/v1/leads/{lead['id']}/qualified"
    assert service.post(path, {}, If_Match=shown.headers["etag"]).status_code == 201
    assert service.post(path, {}, If_Match=shown.headers["etag"]).status_code == 412


def test_of_two_changes_on_the_same_version_at_once_one_is_refused(service: Service) -> None:
    deal = service.post("/v1/deals", DEAL)
    path = f"/v1/deals/{deal.json()['id']}/owner"
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(service.post, path, {"owner": f"o{n}"}, If_Match=deal.headers["etag"])
            for n in range(8)
        ]
    assert sorted(one.result().status_code for one in asked) == [201, *[412] * 7]


@pytest.mark.parametrize("version", ["3", "*", 'W/"3"', '"x"', '"1", "2"', '"' + "9" * 30 + '"'])
def test_an_if_match_that_is_no_single_version_is_malformed(shared: Service, version: str) -> None:
    deal = shared.done("/v1/deals", DEAL)
    answer = shared.post(f"/v1/deals/{deal['id']}/stage", {"stage": "Qualified"}, If_Match=version)
    assert (answer.status_code, answer.json()["code"]) == (400, "if-match-malformed")


def test_a_fact_takes_no_if_match_rather_than_ignoring_it(shared: Service) -> None:
    answer = shared.post("/v1/orders", ORDER, If_Match='"1"')
    assert (answer.status_code, answer.json()["code"]) == (400, "if-match-unsupported")


def test_a_write_that_waits_for_the_read_models_is_seen_by_the_next_read(service: Service) -> None:
    for number in range(20):
        body = {"form": f"f{number}"}
        answer = service.post("/v1/leads", body, Prefer="respond-async, wait=projected")
        assert answer.headers["preference-applied"] == "wait=projected"
        rows = service.get("/v1/leads", form=f"f{number}").json()["data"]
        assert [row["lead_id"] for row in rows] == [answer.json()["id"]]


@pytest.mark.parametrize(
    "form", ['wait="projected"', "Wait = projected", "respond-async; x=1, wait=projected; y"]
)
def test_a_preference_is_read_in_every_form_that_its_standard_knows(shared: Service, form: str) -> None:
    answer = shared.post("/v1/leads", {"form": "a"}, Prefer=form)
    assert answer.headers["preference-applied"].startswith("wait=")


def test_waiting_for_publication_is_refused_before_anything_is_recorded(service: Service) -> None:
    head = service.log.head()
    answer = service.post("/v1/leads", {"form": "a"}, Prefer="wait=published")
    assert (answer.status_code, answer.json()["code"]) == (400, "wait-unsupported")
    assert service.log.head() == head


def test_money_arrives_and_leaves_exactly(service: Service) -> None:
    order = service.done(
        "/v1/orders", ORDER | {"total": "99999999999999.10", "tax": 7, "shipping": "0.000001"}
    )
    shown = service.get(f"/v1/orders/{order['id']}", after=order["position"]).json()
    assert shown["total"] == "99999999999999.10"
    refund = {"source_id": "r", "currency": "EUR", "amount": "0.30", "occurred_at": ORDER["occurred_at"]}
    third = {"source_id": "q", "currency": "EUR", "amount": "0.10", "occurred_at": ORDER["occurred_at"]}
    service.done(f"/v1/orders/{order['id']}/refunds", refund)
    last = service.done(f"/v1/orders/{order['id']}/refunds", third)
    assert service.get(f"/v1/orders/{order['id']}", after=last["position"]).json()["refunded"] == "0.40"


@pytest.mark.parametrize("total", [29.9, "29,90", "1e3", "NaN", "", " 1", True, None, "1" * 16, [], "٣"])
def test_a_total_that_is_not_exact_is_malformed_and_says_where(shared: Service, total: object) -> None:
    answer = shared.post("/v1/orders", ORDER | {"total": total})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert [error["at"] for error in answer.json()["errors"]] == ["/total"]


def test_a_number_with_a_fraction_is_told_why_it_is_refused_and_what_to_send(shared: Service) -> None:
    [error] = shared.post("/v1/orders", ORDER | {"total": 29.9}).json()["errors"]
    assert error["rule"] == 'a text such as "12.50" or an integer: a JSON number with a fraction is not exact'


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-01T09:30:00",
        "2026-03-01",
        1772357400,
        "0001-01-01T00:00:00+14:00",
        "x",
        "2026-02-30T00:00:00Z",
    ],
)
def test_a_time_without_an_offset_or_beyond_reason_is_malformed(shared: Service, at: object) -> None:
    answer = shared.post("/v1/orders", ORDER | {"occurred_at": at})
    assert [error["at"] for error in answer.json()["errors"]] == ["/occurred_at"]


def test_an_id_above_two_to_the_53_is_the_same_as_number_and_as_text(service: Service) -> None:
    first = service.done("/v1/orders", ORDER | {"source_id": 9007199254740993})
    again = service.post("/v1/orders", ORDER | {"source_id": "9007199254740993"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    shown = service.get(f"/v1/orders/{first['id']}", after=first["position"]).json()
    assert shown["source_id"] == "9007199254740993"


def test_what_looks_wrong_about_a_fact_is_recorded_and_told(service: Service) -> None:
    body = {"source_id": "r", "order_source_id": "unheard-of", "currency": "EUR", "amount": "5"}
    answer = service.done("/v1/refunds", body | {"occurred_at": ORDER["occurred_at"]})
    assert answer["anomalies"] == ["order-unknown"]
    shown = service.get("/v1/refunds", after=answer["position"]).json()["data"]
    assert [(row["refund_id"], row["amount"]) for row in shown] == [(answer["id"], "5")]


def test_a_payments_id_is_its_orders_whoever_tells_it_and_a_refunds_id_is_its_sources(
    service: Service,
) -> None:
    at = {"currency": "EUR", "occurred_at": "2026-03-01T09:30:00Z"}
    order = service.done("/v1/orders", at | {"source": "shop", "source_id": 1, "total": 10})["id"]
    for source in ("shop", "bank"):
        told = at | {"source": source, "amount": "2"}
        service.post(f"/v1/orders/{order}/payments", told | {"payment_id": "1"})
        service.post(f"/v1/orders/{order}/refunds", told | {"source_id": "1"}, Prefer="wait=projected")
    shown = service.get(f"/v1/orders/{order}").json()
    assert (shown["paid"], shown["refunded"]) == ("2", "4")


def test_where_no_projector_runs_waiting_ends_and_says_what_was_reached(
    start: Callable[..., Service],
) -> None:
    service = start(patience=0.1)
    answer = service.post("/v1/leads", {"form": "a"}, Prefer="wait=projected")
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=recorded")
    late = service.get("/v1/leads", after=answer.json()["position"])
    assert (late.status_code, late.json()["code"]) == (503, "not-yet-projected")
    assert late.headers["retry-after"] == "1"
