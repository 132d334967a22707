"""The role as a process: one form ends in an owner, a deal and a mail; killed anywhere and run twice, in each once."""

import os
import random
import signal
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from streams.log import Log
from tests.acceptance.running import BACKSTORY, PATIENCE, until
from tests.api.http.v1.running import Service, make_key
from tests.conftest import MASTER_KEY
from tests.mailing import MailServer, mail_server

SEED = int(os.environ.get("BACKSTORY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
HANDLING = {"owners": ["olga", "pavel"], "pipeline": "sales", "subject": "Thank you", "text": "We call you."}
EFFECTS = ("lead-owner-assigned.v1", "deal-opened.v1", "message-queued.v1", "message-sent.v1")


@pytest.fixture
def service(database: str, log: Log) -> Iterator[Service]:
    """The API, asked as an admin, where the handling of leads is defined."""
    with TestClient(create_app(database, log)) as client:
        found = Service(client, log, make_key(log, "admin"))
        assert found.ask("PUT", "/v1/settings/lead-handling", HANDLING).status_code == 201
        yield found


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def run(database: str, mails: MailServer, tmp_path: Path) -> Callable[[], "Role"]:
    """How to run `backstory deliver`."""
    settings = {
        "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "BACKSTORY_DATABASE": database,
        "BACKSTORY_DATA": str(tmp_path),
        "BACKSTORY_SMTP_HOST": "127.0.0.1",
        "BACKSTORY_SMTP_PORT": str(mails.port),
        "BACKSTORY_SMTP_FROM": "tea@example.com",
        "BACKSTORY_SMTP_SECURITY": "none",
    }
    return lambda: Role(os.environ | settings, tmp_path / "printed")


class Role:
    """One process of the role."""

    def __init__(self, environment: dict[str, str], printed: Path) -> None:
        with printed.open("ab") as to:
            self._process = subprocess.Popen([BACKSTORY, "deliver"], env=environment, stdout=to, stderr=to)

    def end(self, how: signal.Signals) -> int:
        """End it, and return its exit code."""
        self._process.send_signal(how)
        return self._process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)


def begun(log: Log) -> bool:
    """Say whether a role has begun to follow the log."""
    with log.connection() as connection:
        return connection.execute("SELECT count(*) FROM log.jobs").fetchone() == (2,)


def effects(log: Log) -> Counter[str]:
    return Counter(one.type for one in log.read(0, 10_000) if one.type in EFFECTS)


def test_one_form_ends_in_an_owner_a_deal_in_the_first_stage_and_a_mail_each_its_own_event(
    service: Service, log: Log, run: Callable[[], Role], mails: MailServer, tmp_path: Path
) -> None:
    with run() as role:
        until(lambda: begun(log), "the role at work")
        body = {"form": "contact", "customer": {"email": "ann@example.org", "name": "Ann Smith"}}
        lead = service.done("/v1/leads", body)["id"]
        until(lambda: effects(log) == dict.fromkeys(EFFECTS, 1), "its effects")
        [captured, *_] = log.stream("main", f"lead-{lead}")
        done = [one for one in log.read(0, 100) if one.type in EFFECTS]
        assert tuple(one.type for one in done) == EFFECTS
        assert {one.correlation_id for one in done} == {captured.event_id}
        assert {one.customer_id for one in done} == {captured.customer_id}
        [mail] = mails.mails()
        assert (mail["To"], mail["Subject"]) == ("ann@example.org", "Thank you")
        assert role.end(signal.SIGTERM) == 0
    assert "ann@example.org" not in (tmp_path / "printed").read_text()


def test_roles_that_run_twice_and_are_killed_anywhere_do_everything_once(
    service: Service, log: Log, run: Callable[[], Role], mails: MailServer
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats the run
    print("seed", SEED)  # noqa: T201 - shown where the test fails
    leads = 0
    with run():
        until(lambda: begun(log), "the role at work")
    for _ in range(3):
        for _ in range(3):
            leads += 1
            customer = {"email": f"person-{leads}@example.org"}
            service.done("/v1/leads", {"form": "contact", "customer": customer})
        before = log.head()
        with run() as first, run() as second:
            enough = before + chance.randint(1, 9)
            until(lambda more=enough: log.head() >= more, "some effects")
            first.end(signal.SIGKILL)
            second.end(signal.SIGKILL)
    with ExitStack() as both:
        for _ in range(2):
            both.enter_context(run())
        until(lambda: effects(log) == dict.fromkeys(EFFECTS, leads), "everything once")
    sent = [mail["Message-ID"] for mail in mails.mails()]
    assert len(set(sent)) == leads
    assert len(sent) <= leads + 6, "each kill may have one mail sent twice, under one id"
