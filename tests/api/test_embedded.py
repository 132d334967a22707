import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from api.embedded import EmbeddedPostgres
from api.failures import Failure

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from api.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose server, if a test leaves one, is stopped."""
    data = tmp_path / "postgres"
    yield data
    if (data / "postmaster.pid").exists():
        EmbeddedPostgres(data).stop()


def answers(postgres: EmbeddedPostgres) -> bool:
    with psycopg.connect(postgres.conninfo("postgres")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def pid_in(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def another(folder: Path) -> "subprocess.Popen[str]":
    """Return another process that uses the server, once it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_the_last_of_two_users_stops_the_server(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    first.stop()
    assert answers(second)
    second.stop()
    assert not second.alive()


def test_a_user_that_is_killed_does_not_count_any_more(folder: Path) -> None:
    killed = another(folder)
    with EmbeddedPostgres(folder) as postgres:
        killed.kill()
        killed.communicate()
        assert answers(postgres)
    assert not postgres.alive()


def test_a_user_in_another_process_keeps_the_server_running(folder: Path) -> None:
    other = another(folder)
    with EmbeddedPostgres(folder) as postgres:
        assert answers(postgres)
    assert postgres.alive()
    other.communicate("done\n")
    assert not postgres.alive()


def test_eight_processes_at_once_start_one_server_and_leave_none(folder: Path) -> None:
    script = HOLD.replace("sys.stdin.readline()", "")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(8)
    ]
    assert [process.communicate()[0] for process in started] == ["open\n"] * 8
    assert not (folder / "postmaster.pid").exists()


def test_when_every_user_is_killed_the_server_stops_by_itself(folder: Path) -> None:
    users = [another(folder), another(folder)]
    for user in users:
        user.kill()
        user.communicate()
    deadline = time.monotonic() + 30
    while (folder / "postmaster.pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with EmbeddedPostgres(folder) as postgres:
        assert answers(postgres)


def test_a_killed_server_is_started_again(folder: Path) -> None:
    with EmbeddedPostgres(folder) as postgres:
        with psycopg.connect(postgres.conninfo("postgres")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        os.kill(pid_in(folder), signal.SIGKILL)
        postgres.ensure()
        with psycopg.connect(postgres.conninfo("postgres")) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_killed_server_is_started_again_though_one_of_its_queries_never_ends(folder: Path) -> None:
    with EmbeddedPostgres(folder) as postgres:
        connection = psycopg.connect(postgres.conninfo("postgres"), autocommit=True)
        endless = threading.Thread(target=_ask, args=(connection, "DO 'BEGIN LOOP END LOOP; END'"))
        endless.start()
        active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'"
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as watching:
            while watching.execute(active).fetchone() != (1,):
                pass
        os.kill(pid_in(folder), signal.SIGKILL)
        postgres.ensure()
        assert answers(postgres)
        endless.join()


def _ask(connection: psycopg.Connection, query: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(query.encode())


def test_a_process_id_left_by_a_killed_server_may_belong_to_anybody(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        left = (folder / "postmaster.pid").read_text().splitlines()
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")
    with EmbeddedPostgres(folder) as postgres:
        assert answers(postgres)
        assert pid_in(folder) != os.getpid()


def test_an_attempt_killed_while_making_the_data_folder_leaves_no_half_of_one(folder: Path) -> None:
    half = folder.with_name("postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder) as postgres:
        assert answers(postgres)


@pytest.mark.parametrize("name", ["p" * 120, 'a "b", $HOME c'])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedPostgres(tmp_path / name / "postgres") as postgres:
        assert answers(postgres)


def test_a_folder_of_another_version_is_refused_with_its_name(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("14\n")
    with pytest.raises(Failure, match="was made by PostgreSQL 14"):
        EmbeddedPostgres(folder)


def test_nothing_listens_on_the_network_and_only_the_owner_opens_the_socket(folder: Path) -> None:
    with EmbeddedPostgres(folder) as postgres:
        server = psutil.Process(pid_in(folder))
        assert [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
        where = Path(str(conninfo_to_dict(postgres.conninfo("postgres"))["host"]))
        assert (where / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


def test_errors_and_statements_do_not_reach_the_servers_log(folder: Path) -> None:
    with (
        EmbeddedPostgres(folder) as postgres,
        psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as c,
    ):
        c.execute("CREATE TABLE t (name text PRIMARY KEY, n int CHECK (n < 10))")
        c.execute("INSERT INTO t VALUES ('Grace Hopper', 1)")
        for statement, values in (
            ("INSERT INTO t VALUES (%s, 1)", ("Grace Hopper",)),
            ("INSERT INTO t VALUES (%s, 99)", ("Grace Hopper the second",)),
            ("SELECT %s::int", ("Grace Hopper",)),
            ("SELECT 'Grace Hopper' FROM nowhere", ()),
        ):
            with pytest.raises(psycopg.Error):
                c.execute(statement, values)
    log = (folder / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "Hopper" not in log


def _as_nobody(folder: Path, python: str) -> None:
    sys.executable = python
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    with EmbeddedPostgres(folder) as postgres:
        assert answers(postgres)
        assert folder.stat().st_uid == nobody.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.usefixtures("server")
def test_a_normal_user_runs_the_server_as_itself(tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        pytest.skip("no Python that every account may run")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
    for parent in home.parents:
        parent.chmod(parent.stat().st_mode | 0o001)
    user = multiprocessing.get_context("fork").Process(target=_as_nobody, args=(home / "postgres", python))
    user.start()
    user.join(60)
    assert user.exitcode == 0


def test_a_stop_waits_for_nobody(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    with psycopg.connect(postgres.conninfo("postgres")) as connection:
        connection.execute("SELECT 1")
        began = time.monotonic()
        postgres.stop()
        assert time.monotonic() - began < 30
        connection.close()
    assert not postgres.alive()
