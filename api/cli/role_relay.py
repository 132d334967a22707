"""`backstory relay`: the role that carries the log to Kafka."""

import argparse
import sys

from api.cli.kafka_flags import add_kafka, brokers
from api.place import Place
from api.stopping import told_to_stop
from streams.kafka.relay import Relay
from streams.kafka.topics import Topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory relay` takes."""
    add_kafka(parser)
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Publish until told to stop. Several may run: one leads, the others stand by."""
    servers = brokers(args.kafka)
    stop = told_to_stop(supervised=args.supervised)
    Relay(place.conninfo, servers, Topics(args.kafka_prefix), _tell).run(stop)
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"relay: {line}\n")
    sys.stderr.flush()
