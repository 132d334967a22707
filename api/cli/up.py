"""`backstory up`: every role in one place, supervised."""

import argparse
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from api.cli.kafka_flags import add_kafka
from api.cli.keys import create_key
from api.cli.people import first_admin_link
from api.cli.renewing import renewing
from api.cli.role_api import host_and_port, listening, reached
from api.demo.telling import play, told
from api.failures import Failure
from api.place import Place, open_place
from api.settings import Settings
from api.stopping import stop_on_signals
from api.supervisor import Role, Supervisor, environment
from commands.names import KEYS

_LOOK = 0.2  # seconds between two looks after the roles
_PATIENCE = 120.0  # seconds until everything must answer for the first time
_MOST_DEATHS = 5  # of a role, before that
_ASIDE = 10  # batches of the demo between two words about it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory up` takes."""
    parser.add_argument("--demo", action="store_true", help="tell a small business's story on an empty log")
    parser.add_argument("--host", help=Settings.model_fields["host"].description)
    add_kafka(parser)
    parser.add_argument("--port", help=Settings.model_fields["port"].description)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run until told to stop; then stop everything, the embedded database last."""
    stop = threading.Event()
    stop_on_signals(stop.set)
    with _alone(settings), _port(settings, stop) as listener, open_place(settings) as place:
        _greet(place)
        roles = [
            Role("project", ["project"]),
            Role("deliver", ["deliver"]),
            Role("api", ["api", "--fd", str(listener.fileno())], [listener.fileno()]),
        ]
        if settings.kafka is not None:
            roles += [Role("relay", ["relay"]), Role("intake", ["intake"])]
        inherited = environment(
            data=settings.data.resolve(),
            database=settings.database,
            tenant=settings.tenant,
            kafka=settings.kafka,
            kafka_prefix=settings.kafka_prefix,
            intake_tenants=settings.intake_tenants,
        )
        with Supervisor(roles, inherited, _tell) as supervisor, renewing(place, _tell):

            def tend() -> bool:
                _tend(place, supervisor)
                return not stop.wait(_LOOK)

            position = _demo(place, roles, tend) if args.demo else 0
            if _until_ready(listener, supervisor, tend, position):
                _welcome(place, reached(listener))
                _aside(f"Ctrl-C ends it, {settings.data} keeps it; another link: backstory people link EMAIL")
            while tend():
                continue
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _aside(line: str) -> None:
    """Tell who watches a terminal."""
    if sys.stderr.isatty():
        _tell(line)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let one `up` run on a data folder. The lock goes with the process, however that ends."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(settings.data / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(f"another `backstory up` runs on {settings.data}") from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _port(settings: Settings, stop: threading.Event) -> Iterator[socket.socket]:
    """Listen, with some patience for the API of a predecessor that was killed: it is about to end."""
    deadline = time.monotonic() + 10
    listener = None
    while listener is None:
        try:
            listener = listening(settings.host, settings.port)
        except Failure:
            if time.monotonic() > deadline or stop.wait(_LOOK):
                raise
    with listener:
        yield listener


def _greet(place: Place) -> None:
    """Hand out the first key of a tenant that never had one."""
    if not place.log.stream(place.tenant, KEYS):
        secret = create_key(place, "first admin", "admin")["secret"]
        sys.stdout.write(f"admin key {secret} (shown only now)\n")
        sys.stdout.flush()


def _welcome(place: Place, address: str) -> None:
    """Say where it is; to a tenant without people, also how its first admin comes in."""
    sys.stdout.write(f"ready {address}\n")
    if link := first_admin_link(place):
        sys.stdout.write(f"sign in {address}{link} (once, within 15 minutes)\n")
    sys.stdout.flush()


def _tend(place: Place, supervisor: Supervisor) -> None:
    if place.server is not None and not place.server.alive():
        _tell("postgres: has died, starts again")
        place.server.ensure()
    supervisor.tend()


def _demo(place: Place, roles: list[Role], tend: Callable[[], bool]) -> int:
    """Tell the demo, if it is to be told, and have it go on; return the position that read models should pass then."""
    before = place.log.head()
    for number, done in enumerate(play(place.log, place.tenant)):
        if number % _ASIDE == 0:
            _aside(f"the demo: {done:,} things of a tea business's year are told")
        if not tend():
            return 0
    if told(place.log, place.tenant) is None:
        _tell("--demo: no demo is told, for something else was recorded here before")
    else:
        roles.append(Role("demo", ["demo"]))
    return head if (head := place.log.head()) > before else 0


def _until_ready(
    listener: socket.socket, supervisor: Supervisor, tend: Callable[[], bool], position: int
) -> bool:
    """Wait until every role answers and the read models have passed a position; False if told to stop first."""
    deadline = time.monotonic() + _PATIENCE
    while tend():
        if _ready(listener, position):
            return True
        weak = next((role.name for role in supervisor.roles if role.deaths >= _MOST_DEATHS), None)
        if weak or time.monotonic() > deadline:
            raise Failure(f"{weak} dies again and again" if weak else f"not ready after {_PATIENCE:.0f} s")
    return False


def _ready(listener: socket.socket, position: int) -> bool:
    connection = HTTPConnection(*host_and_port(listener), timeout=_LOOK * 25)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        reached = json.load(answer).get("position", 0)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == HTTPStatus.OK and reached >= position
