"""The page about HTTP: every path and every code is there, and what it shows runs as written."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

from fastapi.routing import APIRoute

from api.http.errors import TABLE
from api.http.policy import ADMINISTERS, POLICY, READS, WRITES
from api.http.v1.install import ROUTERS
from tests.api.http.v1.running import Service

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "api" / "http" / "README.md").read_text()


def test_every_path_is_on_the_page_and_no_other() -> None:
    paths = {
        f"{method} {route.path_format}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH) [^`]+)`", PAGE, re.MULTILINE)) == paths


def test_every_code_is_on_the_page_under_its_status_and_no_other() -> None:
    told = {
        (int(status), code)
        for status, codes in re.findall(r"^\| (\d{3}) \| (.*) \|$", PAGE, re.MULTILINE)
        for code in re.findall(r"`([a-z-]+)`", codes)
        if code not in {"errors", "line", "column", "member", "rule", "expected", "current"}
    }
    sources = "\n".join(path.read_text() for path in (ROOT / "api").rglob("*.py"))
    raised = {
        (int(status), code) for status, code in re.findall(r'Problem\(\s*(\d{3}), "([a-z-]+)"', sources)
    }
    mapped = {(rule.status, rule.code) for rule in TABLE.values()}
    missing = {(405, "method-not-allowed")}
    computed = {(404, f"{kind}-not-found") for kind in ("customer", "lead", "deal", "order", "invoice")}
    assert told == raised | mapped | missing | computed


WRITTEN = {
    "everything": set(WRITES),
    "nothing": set(),
    "everything but events": WRITES - {"events:write"},
    "everything but merging customers, defining pipelines and settings": WRITES
    - {"customers:merge", "pipelines:write", "settings:write"},
    "leads, customers, deals, invoices": {
        f"{one}:write" for one in ("leads", "customers", "deals", "invoices")
    },
}
"""What the words of the table mean."""


def test_the_table_of_roles_says_what_the_policy_says() -> None:
    told = re.findall(r"^\| ([a-z, ]+) \| (everything|nothing) \| (.*) \|$", PAGE, re.MULTILINE)
    rows = {name: (reads, writes) for roles, reads, writes in told for name in roles.split(", ")}
    assert set(rows) == set(POLICY)
    for role, (reads, writes) in rows.items():
        administers = ADMINISTERS if role == "admin" else set()
        assert POLICY[role] == (READS if reads == "everything" else set()) | WRITTEN[writes] | administers, (
            role
        )


def test_the_example_of_the_page_runs_as_written(service: Service) -> None:
    [script] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    command = shlex.split(script.replace("\\\n", " "))
    headers = dict(
        value.replace("$KEY", service.secret).split(": ", 1)
        for flag, value in pairwise(command)
        if flag == "-H"
    )
    body = json.loads(command[command.index("-d") + 1])
    path = command[2].removeprefix("localhost:8080")
    answer = service.client.post(path, content=json.dumps(body), headers=headers)
    assert (answer.status_code, set(answer.json())) == (201, {"id", "position", "version"})
    shown = service.get("/v1/orders", after=answer.json()["position"]).json()["data"]
    assert [row["source_id"] for row in shown] == ["1001"]
