"""The pages at 100,000 deals and 1,000,000 events: how long they take, and how soon a change is on another screen."""

import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
import psutil
import psycopg
from playwright.sync_api import Page, sync_playwright

from commands.command import Command, Context, DefinePipeline, MoveToStage, OpenDeal
from commands.handle import handle
from domain.pipeline import DEFAULT
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _business, _generated, machine
from tests.benchmarks._serving import serving, signed_in

DEALS = int(os.environ.get("BENCH_DEALS", "100000"))
PAGES = int(os.environ.get("BENCH_PAGES", "100"))
MOVES = int(os.environ.get("BENCH_MOVES", "60"))
TARGET = 150.0  # ms, p95
BOARDS = {
    "board": "/board",
    "board, one owner's": "/board?owner=owner3",
    "board, an owner's of none": "/board?owner=nobody",
    "board, over the limit": "/board?age=over",
    "board, won and lost too": "/board?closed=true",
    "board, of some value": "/board?least=5000",
    "board, searched": "/board?q=Deal+77",
    "board, searched in vain": "/board?q=zebra",
    "board, two columns anew": "/board/parts?columns=1&columns=2",
}
CUSTOMERS = {
    "customer with 10,000 events": f"/customers/{_business.BIG}",
    "... milestones of it": f"/customers/{_business.BIG}?show=milestones",
    "... its timeline searched": f"/customers/{_business.BIG}/timeline?q=99.90",
    "... older events of it": f"/customers/{_business.BIG}/events?before={{}}&day=2026-01-04",
    "... is there anything new": f"/customers/{_business.BIG}/newest",
    "customer with few events": "/customers/c77",
}
LISTS = {
    "list of deals": "/deals",
    "... of an outcome": "/deals?outcome=won",
    "... since a day": "/deals?from=2026-06-01",
    "... by amount": "/deals?sort=-amount",
    "... searched": "/deals?q=Deal+77",
    "list of orders": "/orders",
    "... of a status": "/orders?payment_status=paid",
    "list of refunds": "/refunds",
    "list of leads": "/leads",
    "list of customers": "/customers",
}
_PARTS = ("parts", "timeline", "events")
_COUNT = "#column-2-head [data-count]"
_SEEN = """expected => { window.seen = new Promise(done => {
    const look = () => document.querySelector(%r)?.dataset.count === String(expected)
        && (watch.disconnect(), requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
    const watch = new MutationObserver(look);
    watch.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
}); }"""


def main() -> None:
    """Print p50 and p95 of each page, and from a command to another browser's screen, beside the target."""
    with machine.server() as server, machine.database(server) as conninfo:
        migrate(conninfo)
        prepare(conninfo)
        events = _generated.board(conninfo, DEALS) + _business.customers(conninfo, DEALS // 5)
        with Log(conninfo, machine.MASTER_KEY) as log:
            _do(log, DefinePipeline(name="sales", stages=DEFAULT.stages))
            Projector(log, conninfo).catch_up()
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")  # as autovacuum does in its own time
            sys.stdout.write(f"{DEALS:,} deals, {events:,} events, target p95 {TARGET:.0f} ms\n")
            with serving(conninfo) as url:
                secret = signed_in(log)
                middle = _business.middle(conninfo)
                customers = {name: to.format(middle) for name, to in CUSTOMERS.items()}
                for addresses in (BOARDS, customers, LISTS):
                    _pages(conninfo, url, secret, addresses)
                _screens(log, url, secret)


def _pages(conninfo: str, url: str, secret: str, addresses: dict[str, str]) -> None:
    busy = [*psutil.Process().children(), *machine.postgres(conninfo)]
    with httpx.Client(base_url=url, cookies={"backstory-session": secret}, timeout=60) as client:
        for name, address in addresses.items():
            headers = {"HX-Request": "true"} if set(_PARTS) & set(re.split(r"[/?]", address)) else {}

            def ask(address: str = address, headers: dict[str, str] = headers) -> None:
                client.get(address, headers=headers).raise_for_status()

            size = len(client.get(address, headers=headers).content) / 1000
            before = machine.cpu(busy)
            took = [_timed(ask) for _ in range(PAGES)]
            cpu = (machine.cpu(busy) - before) / PAGES * 1000
            _told(name, took, f"{size:.0f} kB, {cpu:.0f} ms of processor time")


def _screens(log: Log, url: str, secret: str) -> None:
    """Move a deal to and fro; measure until the totals of its column change on the screen of a browser that looks."""
    deal = _do(log, OpenDeal(pipeline="sales", stage="New", title="Measured"))
    with sync_playwright() as playwright:
        chromium = os.environ.get("BACKSTORY_TEST_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(base_url=url, viewport={"width": 1400, "height": 900})
        context.add_cookies([{"name": "backstory-session", "value": secret, "url": url}])
        for name, address in (("whole board", "/board"), ("one owner's board", "/board?owner=-")):
            page = context.new_page()
            page.goto(address)
            page.locator('#freshness[data-state="live"]').wait_for()
            took = [_seen(log, page, deal, number) for number in range(MOVES)]
            _told(f"command to screen, {name}", took, f"{MOVES} moves")
            page.close()
        browser.close()


def _seen(log: Log, page: Page, deal: str, number: int) -> float:
    before = int(page.locator(_COUNT).get_attribute("data-count") or 0)
    there = number % 2 == 0
    page.evaluate(_SEEN % _COUNT, before + (1 if there else -1))
    sent = time.time()
    _do(log, MoveToStage(deal_id=deal, stage="Qualified" if there else "New"))
    shown: float = page.evaluate("window.seen")
    return shown - sent * 1000


def _do(log: Log, command: Command) -> str:
    context = Context(tenant="main", actor="bench", source="backstory", now=datetime.now(UTC))
    return handle(log, command, context).id


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def _told(name: str, took: Sequence[float], note: str) -> None:
    p95 = statistics.quantiles(took, n=20)[-1]
    sys.stdout.write(
        f"{name:<36} p50 {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms = {p95 / TARGET:4.2f} of the target"
        f"   ({note})\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
