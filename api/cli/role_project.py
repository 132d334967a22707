"""`backstory project`: the role that keeps the read models current."""

import argparse
import sys

from api.cli.kafka_flags import add_kafka
from api.failures import Failure
from api.place import Place
from api.stopping import told_to_stop
from projections.projector import CheckpointMoved, Projector
from streams.follower import Follower, LogFollower
from streams.kafka.clients import KafkaError
from streams.kafka.follower import KafkaFollower
from streams.kafka.topics import Topics
from streams.log import Log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory project` takes."""
    add_kafka(parser)
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Follow the log, through Kafka where that is named, until told to stop.

    Whatever goes wrong ends the process, which says what it was; a supervisor restarts it.
    """
    stop = told_to_stop(supervised=args.supervised)

    def through_kafka(log: Log) -> Follower:
        topics = Topics(args.kafka_prefix)
        return KafkaFollower(log, args.kafka, topics, _tell, group=topics.projectors)

    open_follower = LogFollower if args.kafka is None else through_kafka
    try:
        Projector(place.log, place.conninfo, open_follower=open_follower).run(stop)
    except CheckpointMoved as cause:
        raise Failure(str(cause)) from None
    except KafkaError as cause:
        raise Failure(f"Kafka does not answer: {cause}") from None
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"project: {line}\n")
    sys.stderr.flush()
