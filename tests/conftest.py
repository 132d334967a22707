"""What the tests stand on: one PostgreSQL for the run, a fresh migrated database for each test that asks."""

import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo

from api.embedded import EmbeddedPostgres
from projections.schema import prepare
from streams.kafka.topics import Topics
from streams.log import Log
from streams.migrate import migrate
from tests.kafka.broker import Broker, NoKafka, lent
from tests.kafka.container import Container

MASTER_KEY = bytes(range(32))
_MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there has a folder of its own
_ROOM = 6 << 30  # bytes: more than a run takes
_FOLDER = "tests-"  # short: sockets lie far down in it, and their paths may have 107 bytes
_NO_KAFKA = "no Apache Kafka"
NO_CHROMIUM = "no Chromium"

settings.register_profile(
    "backstory",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile(
    "backstory"
)  # the machine may be busy, and fixtures that examples share are meant to be

for name in [name for name in os.environ if name.startswith("BACKSTORY_") and "TEST" not in name]:
    del os.environ[name]


def pytest_configure(config: pytest.Config) -> None:
    """Give the run one folder for all its files, in memory where there is room; none is left when it ends.

    A run that was killed leaves its folder to the next one, which removes it.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # it works in the folder of the run that started it
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is ended puts away what it started
    parent = Path(os.environ.get("TMPDIR") or _memory() or tempfile.gettempdir())
    for left in parent.glob(f"{_FOLDER}*"):
        with suppress(OSError), _held(left):
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=parent))
    folder.chmod(0o1777)  # as /tmp is: some processes of tests are another account's
    stack = ExitStack()
    stack.enter_context(_held(folder))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    config.add_cleanup(stack.close)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a run's folder as one in use. Raises OSError where another does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _memory() -> Path | None:
    if not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return None
    free = min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available)
    return _MEMORY if free > _ROOM else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The conninfo of a PostgreSQL server where databases may be created."""
    if given := os.environ.get("BACKSTORY_TEST_DATABASE"):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="backstory-test-"))
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            yield postgres.conninfo("postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """The name of a database with the log's schema."""
    name = f"template_{secrets.token_hex(4)}"
    migrate(_created(server, name, "template1"))
    return name


@pytest.fixture(scope="session")
def prepared(server: str, migrated: str) -> str:
    """The name of a database that has the tables and views of every read model besides."""
    name = f"{migrated}_prepared"
    prepare(_created(server, name, migrated))
    return name


def _created(server: str, name: str, template: str) -> str:
    """Copy a database, and return the conninfo of the copy."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return make_conninfo(server, dbname=name)


@pytest.fixture(scope="session")
def template(migrated: str) -> str:
    """The name of the database that each test's own is copied from; where most tests prepare theirs, `prepared`."""
    return migrated


@pytest.fixture
def database(server: str, template: str) -> Iterator[str]:
    """The conninfo of a fresh database with the log's schema."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def log(database: str) -> Iterator[Log]:
    """An open log on a fresh database."""
    with Log(database, MASTER_KEY) as opened:
        yield opened


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker | Container]:
    """A Kafka broker of our own, which a test may kill and must have started again when it ends."""
    with ExitStack() as stack:
        try:
            lent_broker = stack.enter_context(lent())
        except NoKafka as missing:
            told = f"{_NO_KAFKA} ({' '.join(str(missing).split())})"
            if os.environ.get("BACKSTORY_TEST_COMPLETE"):
                pytest.fail(told)
            pytest.skip(told)
        yield lent_broker


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """The bootstrap servers of a real Apache Kafka: BACKSTORY_TEST_KAFKA, else our own broker."""
    given = os.environ.get("BACKSTORY_TEST_KAFKA")
    return given or str(request.getfixturevalue("broker").bootstrap)


@pytest.fixture
def topics() -> Topics:
    """Names of topics that no other test uses."""
    return Topics(f"test-{secrets.token_hex(6)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was skipped for want of a Kafka or a browser."""
    for missing in (_NO_KAFKA, NO_CHROMIUM):
        skipped = [one for one in terminalreporter.stats.get("skipped", []) if missing in str(one.longrepr)]
        if skipped:
            terminalreporter.write_line(f"{len(skipped)} tests skipped: {missing}")
