"""`backstory api`: the role that answers HTTP."""

import argparse
import socket
from collections.abc import Callable
from functools import partial

import uvicorn

from api.failures import Failure
from api.http.app import create_app
from api.live.serving import Server
from api.place import Place
from api.settings import Settings
from api.stopping import stop_on_signals, stop_with_parent
from streams.kafka.intake_lag import IntakeLag, intake_lag
from streams.kafka.topics import Topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory api` takes."""
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", help="the port to listen on; 0 takes a free one")
    parser.add_argument("--rate-limit", metavar="N", help="requests a second that each API key may make")
    parser.add_argument(
        "--fd", type=int, help="a listening socket that is open already, instead of host and port"
    )
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Answer until told to stop. Addresses are not logged: they may name people."""
    with listening(args.host, args.port) if args.fd is None else socket.socket(fileno=args.fd) as listener:
        config = uvicorn.Config(
            create_app(place.conninfo, place.log, rate=args.rate_limit, intake=_intake(place.settings)),
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        server = Server(config)

        def stop() -> None:
            server.should_exit = True

        stop_on_signals(stop)  # uvicorn raises a signal again after it has stopped: the place closes even so
        if args.supervised:
            stop_with_parent(stop)
        server.run(sockets=[listener])
    return 0


def _intake(settings: Settings) -> Callable[[], IntakeLag | None] | None:
    if settings.kafka is None:
        return None
    return partial(intake_lag, settings.kafka, Topics(settings.kafka_prefix))


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises Failure where it cannot."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as cause:
        raise Failure(f"--host, --port: cannot listen on {host}:{port}: {cause.strerror or cause}") from None
