"""`backstory api`: the role that answers HTTP."""

import argparse
import gc
import socket
from collections.abc import Callable
from functools import partial

import uvicorn

from api.cli.mail_flags import add_mail
from api.failures import Failure, Misuse
from api.http.app import create_app
from api.http.punctual import Punctual
from api.http.v1.read_pool import ANSWERED
from api.live.serving import Server
from api.mail import mail_server
from api.pages.entrance import Entrance
from api.pages.mail import by_mail, to_console
from api.pages.oidc import Provider
from api.place import Place
from api.settings import Settings
from api.stopping import stop_on_signals, stop_with_parent
from streams.kafka.intake_lag import IntakeLag, intake_lag
from streams.kafka.topics import Topics
from streams.log import Log

_SELDOM = (20_000, 10, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory api` takes."""
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", help="the port to listen on; 0 takes a free one")
    parser.add_argument("--url", help="where people reach the service, for links and the sign-in provider")
    add_mail(parser)
    for name in ("oidc-issuer", "oidc-client-id", "oidc-label"):
        parser.add_argument(f"--{name}", help=Settings.model_fields[name.replace("-", "_")].description)
    parser.add_argument("--rate-limit", metavar="N", help="requests a second that each API key may make")
    parser.add_argument(
        "--fd", type=int, help="a listening socket that is open already, instead of host and port"
    )
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Answer until told to stop. Addresses are not logged: they may name people."""
    with (
        listening(args.host, args.port) if args.fd is None else socket.socket(fileno=args.fd) as listener,
        Log(place.conninfo, place.master_key, patience=ANSWERED) as log,
    ):
        come_in = entrance(place.settings, reached(listener))
        place.leave_address(come_in.url)
        config = uvicorn.Config(
            create_app(
                place.conninfo,
                log,
                rate=args.rate_limit,
                entrance=come_in,
                intake=_intake(place.settings),
            ),
            http=Punctual,
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
        _leave_alone_what_stays()
        server.run(sockets=[listener])
    return 0


def _leave_alone_what_stays() -> None:
    """Look for reference cycles seldom, and never among what was made until now: it is there as long as the process.

    To look through all that is imported takes a tenth of a second, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)


def _intake(settings: Settings) -> Callable[[], IntakeLag | None] | None:
    if settings.kafka is None:
        return None
    return partial(intake_lag, settings.kafka, Topics(settings.kafka_prefix))


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; its connections send what they have at once. Raises Failure."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as cause:
        raise Failure(f"--host, --port: cannot listen on {host}:{port}: {cause.strerror or cause}") from None
    # asyncio does so for sockets of its own alone
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def host_and_port(listener: socket.socket) -> tuple[str, int]:
    """Return where it is reached from this machine, also when it listens on every address."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - asked, not listened on


def reached(listener: socket.socket) -> str:
    """Return the URL at which it is reached from this machine."""
    host, port = host_and_port(listener)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def entrance(settings: Settings, address: str) -> Entrance:
    """Return how people come in to a service that listens at an address. Raises Misuse for half a configuration."""
    url = settings.url or address
    server = mail_server(settings)
    send = to_console if server is None else by_mail(server)
    provider = None
    if settings.oidc_issuer is not None:
        if settings.oidc_client_id is None or settings.oidc_client_secret is None:
            raise Misuse("--oidc-issuer: needs --oidc-client-id and BACKSTORY_OIDC_CLIENT_SECRET")
        provider = Provider(
            settings.oidc_issuer,
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
            settings.oidc_label,
        )
    return Entrance(url, send, provider)
