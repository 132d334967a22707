import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from streams.log import Log
from tests.conftest import MASTER_KEY
from tests.streams.requests import append, asked, at_once, won

pytestmark = pytest.mark.filterwarnings("ignore:.*discarding closed connection")
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = 'cut' AND datname = current_database()"
)


@pytest.fixture
def cut_log(database: str) -> Iterator[Log]:
    with Log(make_conninfo(database, application_name="cut"), MASTER_KEY) as log:
        yield log


@contextmanager
def cutting(database: str) -> Iterator[list[int]]:
    """Terminate every connection of the log again and again, whenever something got through since the last time."""
    cuts: list[int] = []
    over = threading.Event()

    def cut() -> None:
        seen = None
        with psycopg.connect(database, autocommit=True) as connection:
            while not over.wait(0.02):
                head = connection.execute("SELECT position FROM log.head").fetchone()
                if head != seen:  # on a machine that is busy nothing ever would, were it cut off all the time
                    cuts.append(connection.execute(TERMINATE).rowcount)
                    seen = head

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield cuts
    finally:
        over.set()
        thread.join()


def test_every_acknowledged_append_is_in_the_log_once_though_its_connections_are_cut(
    database: str, cut_log: Log
) -> None:
    acknowledged: list[tuple[int, str, int]] = []
    until = time.monotonic() + 3

    def work(name: int) -> None:
        version = 0
        while time.monotonic() < until:
            appended = cut_log.append(append(f"order-{name}", version))
            version = appended.version
            acknowledged.append((appended.position, f"order-{name}", version))

    with cutting(database) as cuts:
        at_once([partial(work, name) for name in range(16)])
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT position, stream, version FROM log.events ORDER BY 1").fetchall()
    assert sum(cuts) > 10
    assert sorted(acknowledged) == rows
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))


def test_commands_are_answered_once_though_their_connections_are_cut(database: str, cut_log: Log) -> None:
    with cutting(database):
        for n in range(20):
            requests = [append(f"order-{n}", 0, asked=asked(f"key-{n}", "same", n=n))] * 8
            answers = won(at_once([partial(cut_log.append, request) for request in requests]))
            assert {answer.position for answer in answers} == {n + 1}
            assert len(answers) == 8
            time.sleep(0.01)
    assert cut_log_head(database) == 20


def cut_log_head(database: str) -> int:
    with Log(database, MASTER_KEY) as log:
        return log.head()


def test_a_commit_whose_answer_was_lost_is_recognised_and_not_made_again(
    database: str, tmp_path: Path
) -> None:
    with deaf(database, tmp_path) as (conninfo, line), Log(conninfo, MASTER_KEY) as log:
        log.append(append("order-1", 0))
        line.swallow = True
        assert log.append(append("order-1", 1)).position == 2
        assert line.swallowed == 1
        line.swallow = True
        many = log.append_many([append("order-1", 2), append("order-2", 0), append("order-1", 2)])
        assert [getattr(outcome, "position", None) for outcome in many] == [3, 4, None]
        assert line.swallowed == 2
        assert log.head() == 4


def test_a_command_whose_answer_was_lost_keeps_its_answer(database: str, tmp_path: Path) -> None:
    with deaf(database, tmp_path) as (conninfo, line), Log(conninfo, MASTER_KEY) as log:
        line.swallow = True
        first = log.append(append("order-1", 0, asked=asked("key", "one", id="1")))
        assert line.swallowed == 1
        assert (first.position, first.answer) == (1, {"id": "1"})
        assert log.append(append("order-1", 0, asked=asked("key", "one", id="2"))).answer == {"id": "1"}
        assert log.head() == 1


class Line:
    """What lies between the log and the server: told to `swallow`, it ends on the server's next answer."""

    def __init__(self, server: Callable[[], socket.socket]) -> None:
        self.swallow = False
        self.swallowed = 0
        self._server = server

    def carry(self, client: socket.socket) -> None:
        with suppress(OSError), client, self._server() as server:  # either end may go away at any time
            ends = {client: server, server: client}
            asked = False
            while True:
                for end in select.select([*ends], [], [])[0]:
                    data = end.recv(65536)
                    asked = asked or (end is client and b"log.append" not in data and b"append" in data)
                    if not data or (end is server and asked and self.swallow):
                        self.swallowed += bool(data)
                        self.swallow = self.swallow and not data
                        return
                    ends[end].sendall(data)
                    asked = asked and end is client


@contextmanager
def deaf(database: str, folder: Path) -> Iterator[tuple[str, Line]]:
    """Lend a conninfo whose connections go through a line."""
    with psycopg.connect(database) as connection:
        info = connection.info
        host, port = info.host, info.port

    def server() -> socket.socket:
        if host.startswith("/"):
            made = socket.socket(socket.AF_UNIX)
            made.connect(f"{host}/.s.PGSQL.{port}")
            return made
        return socket.create_connection((host, port))

    line = Line(server)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / ".s.PGSQL.1"))
        door.listen()
        threading.Thread(target=accept, args=(door, line), daemon=True).start()
        yield make_conninfo(database, host=str(folder), port="1"), line
        door.shutdown(socket.SHUT_RDWR)


def accept(door: socket.socket, line: Line) -> None:
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            threading.Thread(target=line.carry, args=(client,), daemon=True).start()
