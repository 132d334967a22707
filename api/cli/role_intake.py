"""`backstory intake`: the role that records what services publish to Kafka; `intake retry` tries rejects again."""

import argparse
import json
import sys
from collections import Counter

from api.cli.kafka_flags import add_kafka, brokers
from api.failures import Failure, Misuse
from api.intake.retrying import Retried, retry
from api.intake.taking import Taker
from api.place import Place
from api.settings import Settings
from api.stopping import told_to_stop
from streams.kafka.intake import Intake, NotNow
from streams.kafka.retrying import KafkaAway, rejected_topic_of
from streams.kafka.topics import Topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory intake` takes."""
    parser.add_argument(
        "action", metavar="ACTION", nargs="?", choices=["retry"], help="retry: try what was rejected again"
    )
    add_kafka(parser)
    parser.add_argument(
        "--intake-tenants", metavar="NAMES", help=Settings.model_fields["intake_tenants"].description
    )
    parser.add_argument("--reason", metavar="CODE", help="retry what was rejected with this code")
    parser.add_argument("--all", action="store_true", help="retry whatever was rejected")
    parser.add_argument("--json", action="store_true", help="retry: one JSON document")
    parser.add_argument("--supervised", action="store_true", help="stop when standard input ends")


def run(args: argparse.Namespace, place: Place) -> int:
    """Take what services publish until told to stop; or try rejects again, 1 when some are still refused."""
    servers, topics = brokers(place.settings.kafka), Topics(place.settings.kafka_prefix)
    taker = Taker(place.log, (place.settings.intake_tenants or place.tenant).split(","))
    if args.action == "retry":
        return _retry(args, servers, topics, taker)
    if args.all or args.reason or args.json:
        raise Misuse("--reason, --all, --json: only with `backstory intake retry`")
    stop = told_to_stop(supervised=args.supervised)
    Intake(servers, topics, taker, _tell).run(stop)
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"intake: {line}\n")
    sys.stderr.flush()


def _retry(args: argparse.Namespace, servers: str, topics: Topics, taker: Taker) -> int:
    if bool(args.reason) == args.all:
        raise Misuse("--reason CODE or --all: which rejects are to be tried again")
    try:
        with rejected_topic_of(servers, topics) as topic:
            retried = retry(topic, taker, lambda code: args.all or code == args.reason)
    except KafkaAway as cause:
        raise Failure(f"Kafka does not answer ({cause})") from None
    except NotNow as cause:
        raise Failure(f"not now: {cause}; what was tried is recorded once, ask again") from None
    sys.stdout.write(f"{json.dumps(_document(retried))}\n" if args.json else _told(retried))
    return 1 if retried.refused else 0


def _document(retried: Retried) -> dict[str, object]:
    refused = [{**place._asdict(), "code": code, "title": title} for place, code, title in retried.refused]
    counts = {"recorded": retried.recorded, "recorded_before": retried.recorded_before, "left": retried.left}
    return {**counts, "refused": refused}


def _told(retried: Retried) -> str:
    lines = [
        f"recorded {retried.recorded:,}, recorded before {retried.recorded_before:,}, left {retried.left:,}"
    ]
    for (code, title), count in Counter((code, title) for _, code, title in retried.refused).items():
        first = next(place for place, refused, _ in retried.refused if refused == code)
        lines.append(f"still refused {count:,}: {code}: {title} (the first: {first})")
    return "\n".join(lines) + "\n"
