"""What the tests of the pages stand on: one service with its projector and one Chromium for the run.

Each test has a tenant of its own, and a browser context in which nothing may go wrong unnoticed.
"""

import os
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from psycopg.conninfo import make_conninfo

from api.http.app import create_app
from api.live.serving import Server
from projections.projector import Projector
from streams.log import Log
from tests.conftest import MASTER_KEY, NO_CHROMIUM
from tests.pages.browsing import DESK, Site, Watch

PATIENCE = 20_000.0  # milliseconds: a busy machine is no failure
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def site_database(server: str, prepared: str) -> Iterator[str]:
    name = f"pages_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {prepared}")
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def running(site_database: str) -> Iterator[Site]:
    """A real server on a real port, and a projector that follows; shared by all tests of the pages."""
    with Log(site_database, MASTER_KEY) as log, socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(site_database, log, patience=30.0)
        config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False)
        server = Server(config)
        site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", log, app)
        stop = threading.Event()
        failed: list[BaseException] = []

        def follow() -> None:
            try:
                Projector(log, site_database).run(stop)
            except BaseException as cause:  # noqa: BLE001 - raised again below, in the tests' own thread
                failed.append(cause)

        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages"),
            threading.Thread(target=follow, name="projector"),
        ]
        for thread in threads:
            thread.start()
        site.until_ready()
        yield site
        stop.set()
        server.should_exit = True
        site.wake()
        for thread in threads:
            thread.join(30)
        assert not failed, failed
        assert not [thread.name for thread in threads if thread.is_alive()]


@pytest.fixture
def tenant() -> str:
    """A tenant that nobody else has."""
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def site(running: Site, tenant: str) -> Site:
    """The service, for a tenant of the test's own."""
    return running.of(tenant)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the run."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    path = os.environ.get("BACKSTORY_TEST_CHROMIUM") or next(filter(None, found), None)
    if path is None:
        told = f"{NO_CHROMIUM} (neither in BACKSTORY_TEST_CHROMIUM nor on the PATH)"
        if os.environ.get("BACKSTORY_TEST_COMPLETE"):
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def watch(site: Site) -> Watch:
    """Keeps what goes wrong in the test's pages; `watch.allow(404)` for an answer that is meant."""
    return Watch(site.url)


@pytest.fixture
def new_page(chromium: Browser, site: Site, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a browser of its own: `new_page("rep")` is signed in, `new_page()` is not."""
    contexts = []

    def opened(role: str | None = None, **options: object) -> Page:
        context = chromium.new_context(
            base_url=site.url, reduced_motion="reduce", **{"viewport": DESK, **options}
        )
        contexts.append(context)
        watch.over(context)
        if role is not None:
            context.add_cookies([site.cookie(role)])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert watch.found == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page of a visitor who is not signed in; see `browsing.sign_in`."""
    return new_page()
