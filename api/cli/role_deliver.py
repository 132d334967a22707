"""`backstory deliver`: the role that does what follows from events by itself."""

import argparse
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import psycopg

from api.cli.mail_flags import add_mail
from api.deliver.following import follow
from api.deliver.idle import follow_up
from api.deliver.leads import Leads
from api.deliver.mail import Mailer
from api.mail import mail_server
from api.place import Place
from api.stopping import told_to_stop

_LOOK = 10.0  # seconds between two looks for idle deals


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory deliver` takes."""
    add_mail(parser)
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Do each job until told to stop. Whatever goes wrong in one ends the process."""
    stop = told_to_stop(supervised=args.supervised)
    leads = Leads(place.log, _tell)
    mailer = Mailer(place.log, mail_server(place.settings), _tell)
    jobs: list[Callable[[], None]] = [
        lambda: _follow_up(place, stop),
        lambda: follow(place.log, leads.look, stop),
        lambda: follow(place.log, mailer.look, stop),
    ]
    with ThreadPoolExecutor(len(jobs)) as threads:
        for ended in as_completed([threads.submit(job) for job in jobs]):
            stop.set()
            ended.result()
    return 0


def _follow_up(place: Place, stop: threading.Event) -> None:
    """Plan follow-ups of idle deals."""
    with psycopg.connect(place.conninfo, autocommit=True) as connection:
        while True:
            follow_up(place.log, connection)
            if stop.wait(_LOOK):
                return


def _tell(line: str) -> None:
    sys.stderr.write(f"deliver: {line}\n")
    sys.stderr.flush()
