"""Every no: mapped, stable, and without a word of what people sent."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import PoolTimeout

import domain
from api.http.errors import TABLE, Problem, problem_of
from domain.errors import InvalidValue, Refusal
from streams.errors import LogRefusal
from tests.api.http.v1.running import Service

PERSON = "ann.secret@example.org"
DEAL = {"stage": "New", "title": "Tea"}


def every(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for derived in kind.__subclasses__():
        yield from every(derived)


def met_over_http() -> str:
    """Return the code that requests run through; who carries events to Kafka and back meets other refusals."""
    root = Path(__file__).parents[4]
    folders = [root / "commands", root / "projections", root / "api" / "http", root / "api" / "pages"]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    files += [path for path in (root / "streams").glob("*.py") if path.name != "errors.py"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_refusal_of_the_rules_and_of_the_log_has_its_status_and_code() -> None:
    for module in pkgutil.iter_modules(domain.__path__):
        importlib.import_module(f"domain.{module.name}")
    for root in (Refusal, LogRefusal):
        ours = {kind for kind in every(root) if not kind.__module__.startswith("tests.")}
        assert len(ours) > 5
        told = met_over_http()
        assert {kind for kind in ours - set(TABLE) if re.search(rf"\b{kind.__name__}\b", told)} == set()


def test_no_two_reasons_share_a_code() -> None:
    codes = [rule.code for kind, rule in TABLE.items() if not issubclass(kind, PoolTimeout | psycopg.Error)]
    codes = [code for code in codes if code != "database-busy"]
    assert len(codes) == len(set(codes))


def test_each_error_of_the_table_becomes_a_document_with_a_sentence() -> None:
    for kind, rule in TABLE.items():
        problem = problem_of(kind.__new__(kind))
        assert (problem.status, problem.code) == (rule.status, rule.code)
        assert problem.title.endswith((".", "again.")), kind
        assert ("Retry-After" in problem.headers) == (rule.status == 503)


def test_every_422_tells_the_rule() -> None:
    found = [problem_of(kind.__new__(kind)) for kind, rule in TABLE.items() if rule.status == 422]
    for problem in (*found, Problem(422, "reference-unknown", "There is no such deal.")):
        assert problem.document()["rule"], problem.code


def test_a_value_that_breaks_a_rule_is_not_told_back() -> None:
    document = problem_of(InvalidValue(field="email", value=PERSON, rule="an e-mail address")).document()
    assert PERSON not in str(document)
    assert (document["field"], document["rule"]) == ("email", "an e-mail address")


CASES: list[tuple[str, str, object, int, str]] = [
    ("POST", "/v1/leads", {"form": 1}, 400, "malformed"),
    ("POST", "/v1/leads", {}, 400, "malformed"),
    ("POST", "/v1/leads", [], 400, "malformed"),
    ("POST", "/v1/leads", {"form": "x", "unheard": PERSON}, 400, "malformed"),
    ("POST", "/v1/leads", {"form": "x" * 201}, 400, "malformed"),
    ("POST", "/v1/leads", {"form": "\0"}, 400, "malformed"),
    ("POST", "/v1/customers", {"email": [PERSON]}, 400, "malformed"),
    ("POST", "/v1/deals", DEAL | {"amount": "1"}, 400, "malformed"),
    ("POST", "/v1/deals", DEAL | {"amount": "1", "currency": "XXX"}, 400, "malformed"),
    ("GET", "/v1/leads?limit=201", None, 400, "malformed"),
    ("GET", "/v1/leads?limit=0", None, 400, "malformed"),
    ("GET", f"/v1/leads?unheard={PERSON}", None, 400, "malformed"),
    ("GET", "/v1/leads?cursor=abc", None, 400, "cursor-invalid"),
    ("GET", "/v1/leads?after=-1", None, 400, "malformed"),
    ("GET", "/v1/leads?status=open&status=qualified", None, 400, "malformed"),
    ("GET", "/v1/leads/", None, 404, "not-found"),
    ("GET", "/v1/leads?as_of=2026-03-01", None, 400, "as-of-unsupported"),
    ("GET", "/v1/settings?as_of=2026-03-01", None, 400, "as-of-unsupported"),
    ("GET", "/v1/keys?as_of=2026-03-01", None, 400, "as-of-unsupported"),
    ("GET", "/v1/pipelines/sales?as_of=2026-03-01", None, 400, "as-of-unsupported"),
    ("GET", "/v1/settings?after=1&after=2", None, 400, "malformed"),
    ("GET", "/v1/settings?after=999999999", None, 400, "position-unknown"),
    ("GET", f"/v1/keys?unheard={PERSON}", None, 400, "malformed"),
    ("GET", "/schemas/events/unheard-of.v1.json", None, 404, "not-found"),
    ("GET", "/schemas/unheard/order-placed.v1.json", None, 400, "malformed"),
    ("DELETE", "/asyncapi.json", None, 405, "method-not-allowed"),
    ("GET", "/v1/leads?q=%00", None, 400, "malformed"),
    ("GET", "/v1/leads/%00", None, 400, "malformed"),
    ("GET", f"/v1/leads/{PERSON}", None, 404, "lead-not-found"),
    ("GET", "/v1/unheard-of", None, 404, "not-found"),
    ("DELETE", "/v1/leads", None, 405, "method-not-allowed"),
    ("POST", "/v1/deals/unknown/won", {}, 404, "deal-not-found"),
    ("POST", "/v1/invoices/unknown/void", {"reason": "x"}, 404, "invoice-not-found"),
    ("POST", "/v1/orders/unknown/payments", {}, 400, "malformed"),
    ("PUT", "/v1/pipelines/p", {"stages": [{"name": "a"}, {"name": "a"}]}, 422, "invalid-value"),
    ("GET", "/v1/pipelines/unknown", None, 404, "pipeline-not-found"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[4]}")
def test_what_is_asked_wrongly_gets_its_code_and_none_of_its_values(
    shared: Service, case: tuple[str, str, object, int, str]
) -> None:
    method, path, body, status, code = case
    answer = shared.ask(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {
        "type",
        "title",
        "status",
        "code",
        *(["errors"] if code == "malformed" else []),
    }
    assert PERSON not in answer.text


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/health", "/health/nothing", "/schemas/nothing"]
)
def test_where_programs_ask_for_what_is_not_there_a_document_says_so(shared: Service, path: str) -> None:
    answer = shared.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_rule_that_refuses_is_told_with_what_it_takes(start: Callable[..., Service]) -> None:
    service = start()
    stages = [{"name": "New"}, {"name": "Offer", "requires": ["amount"]}, {"name": "Won", "outcome": "won"}]
    assert service.ask("PUT", "/v1/pipelines/sales", {"stages": stages}).status_code == 201
    deal = service.done("/v1/deals", DEAL)["id"]
    refused = service.post(f"/v1/deals/{deal}/stage", {"stage": "Offer"}).json()
    assert (refused["code"], refused["missing"]) == ("stage-requirement-missing", "amount")
    assert refused["rule"] == "Offer needs an amount"
    unknown = service.post(f"/v1/deals/{deal}/stage", {"stage": "Nowhere"}).json()
    assert (unknown["code"], unknown["stages"]) == ("stage-unknown", ["New", "Offer", "Won"])
    service.done(f"/v1/deals/{deal}/won", {})
    closed = service.post(f"/v1/deals/{deal}/lost", {"reason": "price"})
    assert (closed.status_code, closed.json()["code"], closed.json()["outcome"]) == (
        422,
        "deal-closed",
        "won",
    )


def test_merging_says_why_not(start: Callable[..., Service]) -> None:
    service = start()
    one, two, three = (service.done("/v1/customers", {"name": name})["id"] for name in ("Ann", "Bo", "Cy"))

    def merge(loser: str, survivor: str) -> str:
        body = {"into": survivor, "reason": "same"}
        return str(service.post(f"/v1/customers/{loser}/merge", body).json().get("code"))

    assert merge(one, one) == "same-customer"
    assert merge(one, two) == "None"
    assert merge(one, three) == "already-merged"
    assert merge(three, one) == "survivor-merged"
    answer = service.post(f"/v1/customers/{two}/unmerge", {"reason": "x"})
    assert answer.json()["code"] == "not-merged"


def test_a_database_that_is_gone_is_a_503_to_ask_again_and_not_a_stack_trace(
    start: Callable[..., Service], database: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start()
    assert service.get("/v1/leads").status_code == 200
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    monkeypatch.setattr(service.log._pool, "timeout", 0.2)  # noqa: SLF001 - not to wait half a minute
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            answer = service.post("/v1/leads", {"form": "a"})
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] in {"database-unavailable", "database-busy", "outcome-unknown"}
    assert answer.headers["retry-after"] == "1"


def test_a_bug_is_a_500_that_says_nothing_and_where_it_was_goes_to_standard_error_without_values(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service = start()

    def broken(*_: object, **__: object) -> None:
        raise KeyError(PERSON)

    monkeypatch.setattr("api.http.v1.together.Together.handle", broken)
    answer = service.post("/v1/leads", {"form": "a"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    told = capsys.readouterr().err
    assert "KeyError" in told
    assert "in broken" in told
    assert PERSON not in told + answer.text
