"""`backstory demo`: the role that goes on with the demo's business."""

import argparse

from api.demo.live import go_on
from api.demo.telling import told
from api.failures import Failure
from api.place import Place
from api.stopping import told_to_stop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory demo` takes."""
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Tell an event every few seconds until told to stop. Whatever goes wrong ends the process."""
    stop = told_to_stop(supervised=args.supervised)
    ends = told(place.log, place.tenant)
    if ends is None:
        raise Failure("this log has no demo to go on with: `backstory up --demo` tells it on an empty one")
    go_on(place.log, place.tenant, ends, stop)
    return 0
