"""`backstory project`: the role that keeps the read models current."""

import argparse
import threading

from api.place import Place
from api.stopping import stop_on_signals, stop_with_parent
from projections.projector import Projector


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory project` takes."""
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Follow the log until told to stop. Whatever goes wrong ends the process; a supervisor restarts it."""
    stop = threading.Event()
    stop_on_signals(stop.set)
    if args.supervised:
        stop_with_parent(stop.set)
    Projector(place.log, place.conninfo).run(stop)
    return 0
