"""What the feed tells, to whom, from where on."""

import asyncio
import secrets
import socket
import threading
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
import pytest
import uvicorn

from api.http.app import create_app
from api.live import feed as feed_module
from api.live.feed import NAME, Feed
from api.live.recent import Changed
from api.live.serving import Server
from api.live.subscription import MOST
from commands.command import Context, MoveToStage, OpenDeal, RecordCustomer
from commands.handle import handle
from domain.customer import Profile
from projections.schema import prepare
from streams.log import Log
from tests.acceptance.running import until
from tests.api.live.listening import listening
from tests.conftest import MASTER_KEY
from tests.pages.browsing import Site


def opened(site: Site, title: str = "Lamps") -> tuple[str, int]:
    answer = site.do(OpenDeal(pipeline="sales", stage="New", title=title))
    return answer.id, answer.position


def test_a_change_is_told_with_its_position_and_nothing_about_anyone(site: Site) -> None:
    with listening(site) as heard:
        assert heard.next("beat").data["behind"] >= 0
        answer = site.do(RecordCustomer(profile=Profile(email="ann@example.org", name="Ann")))
        told = heard.next("changed")
    assert told.data == {"position": told.ident, "records": [["customer", answer.id]]}
    assert told.ident is not None
    assert told.ident >= answer.position


def test_whoever_comes_back_hears_exactly_what_they_missed(site: Site) -> None:
    first, position = opened(site, "First")
    with listening(site, after=position) as heard:
        second, _ = opened(site, "Second")
        left = heard.next("changed")
        assert left.data["records"] == [["deal", second]]
    third, _ = opened(site, "Third")
    site.do(MoveToStage(deal_id=first, stage="Qualified"))
    with listening(site, last=left.ident) as heard:
        told = []
        while len(told) < 2:
            told += heard.next("changed").data["records"]
        assert sorted(told) == sorted([["deal", third], ["deal", first]])
    with listening(site, last=left.ident, after=position) as heard:  # the header knows more than the address
        assert ["deal", second] not in heard.next("changed").data["records"]


def test_who_was_away_too_long_is_told_that_everything_may_have_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = site.app.state.live._recent  # noqa: SLF001 - the memory of the feed, made shorter for this test
    monkeypatch.setattr(recent, "_most", 3)
    _, position = opened(site)
    for number in range(5):
        opened(site, f"Deal {number}")
    with listening(site, after=position) as heard:
        assert heard.next("changed").data["records"] is None
    with listening(site, after=2**50) as heard:  # of another log
        assert heard.next("changed").data["records"] is None


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_who_comes_back_from_what_is_no_position_is_told_that_everything_may_have_changed(
    site: Site, last: str
) -> None:
    with listening(site, last=last) as heard:
        assert heard.next("changed").data["records"] is None


def test_nothing_of_another_tenant_is_told(site: Site, running: Site) -> None:
    stranger = running.of(f"t-{secrets.token_hex(6)}")
    with listening(site) as heard:
        heard.next("beat")
        theirs, _ = opened(stranger, "Theirs")
        ours, _ = opened(site, "Ours")
        assert heard.next("changed").data["records"] == [["deal", ours]]
    with listening(site, after=0) as heard:
        told = heard.next("changed").data["records"]
        assert told is None or theirs not in {ident for _, ident in told}


@pytest.mark.parametrize("role", ["client", None])
def test_who_may_read_nothing_hears_nothing(site: Site, role: str | None) -> None:
    with site.client(role) as client:
        answer = client.get("/live")
        assert answer.status_code in {303, 403, 404}
        assert "text/event-stream" not in answer.headers["content-type"] if answer.content else True


def test_a_stream_ends_soon_after_its_session(site: Site) -> None:
    secret = site.session("rep")
    with listening(site, secret=secret) as heard:
        heard.next("beat")
        site.app.state.sessions.end(secret)
        assert heard.next("ended").data == {"why": "signed-out"}
        assert list(heard.messages()) == []
    with pytest.raises(AssertionError), listening(site, secret=secret):
        pass


def test_a_stream_shows_signs_of_life(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.stream.HEARTBEAT", 0.2)
    monkeypatch.setattr("api.live.stream.CHECK", 0.1)
    with listening(site) as heard:
        beats = [heard.next("beat") for _ in range(3)]
    assert beats[-1].ident is not None
    assert all(beat.data.keys() == {"position", "behind"} for beat in beats)


def test_a_read_model_that_waits_to_be_rebuilt_is_told_as_behind(log: Log, database: str) -> None:
    prepare(database)
    told = RecordCustomer(profile=Profile(email="ann@example.org"))
    context = Context(tenant="main", actor="test", source="shop", now=datetime.now(UTC))
    head = handle(log, told, context).position
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE model.places SET position = %s WHERE name <> 'deals'", (head,))
        connection.execute("UPDATE model.checkpoints SET state = 'outdated' WHERE name = 'deals'")
    feed = Feed(database)
    thread = threading.Thread(target=lambda: asyncio.run(feed.run()))
    thread.start()
    until(lambda: feed.available, "the feed runs")
    feed.close()
    thread.join(30)
    assert feed.position == head
    assert feed.behind > 0


def test_more_streams_than_a_process_serves_are_turned_away_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "STREAMS", 0)
    with site.client("rep") as client:
        answer = client.get("/live")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_stream_that_is_left_is_forgotten(site: Site) -> None:
    feed: Feed = site.app.state.live
    before = set(feed.subscriptions)
    with listening(site) as heard:
        heard.next("beat")
        [mine] = set(feed.subscriptions) - before
    until(lambda: mine not in feed.subscriptions, "the feed forgets the stream")


def test_streams_end_with_the_database_and_go_on_where_they_were(
    site: Site, site_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with listening(site) as heard, psycopg.connect(site_database, autocommit=True) as connection:
        heard.next("beat")
        position = site.log.head()
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (NAME,)
        )
        assert heard.next("ended").data == {"why": "away"}
    missed, _ = opened(site)
    until(lambda: site.app.state.live.available, "the feed is back")
    with listening(site, last=position) as heard:
        assert ["deal", missed] in heard.next("changed").data["records"]
    assert "connects again" in capfd.readouterr().err


def test_a_browser_that_stops_reading_holds_up_nobody_and_is_let_go(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.streaming.STALLED", 1.0)
    feed: Feed = site.app.state.live
    before = set(feed.subscriptions)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect((urlsplit(site.url).hostname, urlsplit(site.url).port))
        cookie = f"backstory-session={site.session('rep')}"
        stuck.sendall(f"GET /live HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        [slow] = until(lambda: set(feed.subscriptions) - before, "the stuck browser is connected")

        def flooded() -> bool:
            position = slow.position + 1
            many = [Changed(position, site.tenant, "deal", secrets.token_hex(16)) for _ in range(MOST)]
            if not slow.waiting:
                feed.loop.call_soon_threadsafe(slow.offer, many, position)
            return slow not in feed.subscriptions

        until(flooded, "the stuck browser is let go")
        with listening(site) as heard:
            deal, _ = opened(site)
            assert heard.next("changed").data["records"] == [["deal", deal]]


def test_a_server_stops_though_streams_are_open(site_database: str) -> None:
    with Log(site_database, MASTER_KEY) as log, socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(site_database, log)
        config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=None)
        server = Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        other = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", log, app)
        until(lambda: server.started and app.state.live.available, "the server starts")
        with listening(other) as heard:
            heard.next("beat")
            server.should_exit = True
            assert heard.next("ended").data == {"why": "stopping"}
            thread.join(30)
            assert not thread.is_alive()
