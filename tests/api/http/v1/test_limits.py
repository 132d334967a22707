"""Bodies that are too large, too deep, of another type or encoding, or that never end."""

import asyncio
import json
from itertools import count

import pytest

from api.http.errors import Problem
from api.http.v1 import limits
from api.http.v1.strict import DEEPEST, decode
from tests.api.http.serving import awaited
from tests.api.http.v1.running import Service

_numbers = count(1)


def send(service: Service, body: bytes, kind: str = "application/json", **headers: str) -> tuple[int, str]:
    sent = {
        "Authorization": f"Bearer {service.secret}",
        "Idempotency-Key": f"limits-{next(_numbers)}",
        "Content-Type": kind,
    }
    answer = service.client.post("/v1/leads", content=body, headers=sent | headers)
    assert answer.headers["content-type"] == (
        "application/problem+json" if answer.is_error else "application/json"
    )
    return answer.status_code, answer.json().get("code", "")


def test_a_body_of_ten_megabytes_is_refused(shared: Service) -> None:
    assert send(shared, b'{"form": "' + b"x" * 10_000_000 + b'"}') == (413, "too-large")


def test_a_body_that_says_it_is_small_and_is_not_is_refused(shared: Service) -> None:
    parts = [b'{"form": "', *[b"x" * 100_000] * 20]
    headers = {"Authorization": f"Bearer {shared.secret}", "Content-Type": "application/json"}
    answer = shared.client.post("/v1/leads", content=iter(parts), headers=headers)
    assert answer.status_code == 413


def test_a_body_as_large_as_allowed_is_read(shared: Service) -> None:
    fields = {f"f{n}": "x" * 9_000 for n in range(100)}
    assert send(shared, json.dumps({"fields": fields}).encode())[0] == 201


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"fields":' * 5_000, b"[" * 30 + b"]" * 30])
def test_a_body_that_is_too_deep_is_refused(shared: Service, text: bytes) -> None:
    status, code = send(shared, text)
    assert status == 400
    assert code in {"too-deep", "malformed-json"}


def test_the_deepest_body_that_is_read_has_so_many_levels() -> None:
    assert decode(b"[" * DEEPEST + b"]" * DEEPEST)  # the innermost is empty
    with pytest.raises(Problem, match="too-deep"):
        decode(b"[" * (DEEPEST + 1) + b"1" + b"]" * (DEEPEST + 1))


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"nonsense",
        b"{'form': 'a'}",
        b'{"form": NaN}',
        b'{"form": "a"} x',
        b'{"form": "\\ud800"}',
        b"1" * 5000,
    ],
)
def test_what_is_no_json_is_malformed(shared: Service, text: bytes) -> None:
    assert send(shared, text) == (400, "malformed-json")


@pytest.mark.parametrize(
    ("text", "at", "rule"),
    [
        (b'{"fields": {"a": "\\u0000"}}', "/fields/a", "a text without the NUL character"),
        (b'{"fields": {"\\u0000": "a"}}', "/fields", "a text without the NUL character"),
        (b'{"form": "\\ud800"}', "/form", "a text of whole characters, without half of a surrogate pair"),
        (b'{"fields": {"a": 1e999}}', "/fields/a", "a number that is not beyond all bounds"),
        (b'{"fields": {"a": NaN}}', "/fields/a", "a number that is not beyond all bounds"),
    ],
)
def test_what_not_everybody_reads_is_told_by_place_and_rule(text: bytes, at: str, rule: str) -> None:
    with pytest.raises(Problem) as refused:
        decode(text)
    assert refused.value.more["errors"] == [{"at": at, "rule": rule}]


@pytest.mark.parametrize(
    ("text", "at", "rule"),
    [
        (b"[]", "/", "a JSON object"),
        (b'{"customer": 1}', "/customer", "a JSON object"),
        (b'{"fields": [1]}', "/fields", "a JSON object"),
        (b'{"fields": {"a": 1}}', "/fields/a", "a text"),
        (b'{"source_id": true}', "/source_id", "an id: a text or an integer"),
        (b'{"shape": 1}', "/shape", "no member of this name"),
        (b'{"fields": {"": "a"}}', "/fields", "the names in it: String should have at least 1 character"),
    ],
)
def test_a_rule_is_told_in_the_words_of_json(shared: Service, text: bytes, at: str, rule: str) -> None:
    headers = {"Authorization": f"Bearer {shared.secret}", "Idempotency-Key": f"limits-{next(_numbers)}"}
    answer = shared.client.post(
        "/v1/leads", content=text, headers=headers | {"Content-Type": "application/json"}
    )
    assert answer.json()["errors"] == [{"at": at, "rule": rule}]


def test_where_a_body_stops_being_json_is_told() -> None:
    with pytest.raises(Problem) as refused:
        decode(b'{"form":\n  "a",}')
    assert refused.value.more == {"line": 2, "column": 7}


@pytest.mark.parametrize(
    "text", ['{"form": "a", "form": "b"}', '{"form": "a", "fields": {"x": "1", "\\u0078": "2"}}']
)
def test_a_json_object_with_two_members_of_one_name_is_refused(shared: Service, text: str) -> None:
    head = shared.log.head()
    assert send(shared, text.encode()) == (400, "malformed-json")
    assert shared.log.head() == head


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "ce-id"])
def test_a_header_that_is_said_once_and_comes_twice_is_refused(shared: Service, name: str) -> None:
    given = {
        "Authorization": f"Bearer {shared.secret}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"limits-{next(_numbers)}",
        "If-Match": '"1"',
        "ce-id": "1",
    }
    headers = [*given.items(), (name, given[name])]
    answer = shared.client.post("/v1/leads", content=b'{"form": "a"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["errors"] == [{"at": f"header {name.lower()}", "rule": "given once"}]


@pytest.mark.parametrize("text", ['{"form": "é"}'.encode("latin-1"), '{"form": "a"}'.encode("utf-16")])
def test_what_is_not_utf_8_is_malformed(shared: Service, text: bytes) -> None:
    assert send(shared, text) == (400, "wrong-encoding")


def test_another_charset_is_refused_by_its_name(shared: Service) -> None:
    for parameters in ("charset=latin-1", 'profile="x"; charset=utf-16'):
        assert send(shared, b'{"form": "a"}', f"application/json; {parameters}") == (400, "wrong-encoding")
    assert send(shared, b'{"form": "a"}', "application/json; charset=UTF-8")[0] == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""]
)
def test_another_type_is_refused(shared: Service, kind: str) -> None:
    assert send(shared, b'{"form": "a"}', kind) == (415, "unsupported-media-type")


def test_a_compressed_body_is_refused(shared: Service) -> None:
    assert send(shared, b"\x1f\x8b", **{"Content-Encoding": "gzip"}) == (415, "unsupported-encoding")


def test_who_has_no_key_learns_nothing_about_the_body(shared: Service) -> None:
    answer = shared.client.post("/v1/leads", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


def test_a_body_that_does_not_end_is_given_up(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_PATIENCE", 0.05)
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(30)
        return {}

    async def send_(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/leads",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    awaited(shared.client.app(scope, receive, send_))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
