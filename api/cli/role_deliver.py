"""`backstory deliver`: the role that does what follows from events by itself."""

import argparse
import threading

import psycopg

from api.deliver.idle import follow_up
from api.place import Place
from api.stopping import stop_on_signals, stop_with_parent

_LOOK = 10.0  # seconds between two looks for idle deals


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory deliver` takes."""
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Plan follow-ups of idle deals until told to stop. Whatever goes wrong ends the process."""
    stop = threading.Event()
    stop_on_signals(stop.set)
    if args.supervised:
        stop_with_parent(stop.set)
    with psycopg.connect(place.conninfo, autocommit=True) as connection:
        while True:
            follow_up(place.log, connection)
            if stop.wait(_LOOK):
                return 0
