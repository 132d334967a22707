"""`backstory replay restore`: the log again, from Kafka alone."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from api.cli.kafka_flags import add_kafka, brokers
from api.place import Place
from api.progress import Progress, shown
from projections.holding import skip_as_told
from replay.restore import Tell, Verified, restore, verify
from streams.kafka.source import Source
from streams.kafka.topics import Topics


def add_arguments(actions: Any) -> None:  # noqa: ANN401 - argparse names the type nowhere
    """Declare what `backstory replay restore` takes."""
    told = "Fill an empty database from Kafka: the same positions, versions and ids."
    again = actions.add_parser("restore", help="build the log anew", description=told)
    again.add_argument("--from", choices=["kafka"], required=True, dest="origin", help="where it comes from")
    again.add_argument(
        "--verify", action="store_true", help="change nothing: compare the topic with the log that is there"
    )
    add_kafka(again)
    again.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace, place: Place) -> int:
    """Restore, then bring the read models to the head; or verify: 1 when the topic and the log differ."""
    source = Source(brokers(args.kafka), Topics(args.kafka_prefix))
    return _verify(source, place, args) if args.verify else _restore(source, place, args)


def _verify(source: Source, place: Place, args: argparse.Namespace) -> int:
    with shown() as tell:
        verified = verify(place.conninfo, source, _counting(tell, "comparing", source.records()))
    _print(asdict(verified), _verdict(verified), as_json=args.json)
    return 0 if verified.differing is None else 1


def _restore(source: Source, place: Place, args: argparse.Namespace) -> int:
    with shown() as tell:
        counting = _counting(tell, "restoring", source.records())
        restored = restore(place.conninfo, source, place.master_key, counting)
        skip_as_told(place.log)
        tell("projecting", 0, 1)
        place.catch_up()
    told = f"{restored.keys:,} keys, {restored.forgotten:,} people forgotten; digest {restored.digest[:16]}"
    _print(asdict(restored), f"restored {restored.events:,} events, {told}", as_json=args.json)
    return 0


def _counting(tell: Progress, what: str, records: int) -> Tell:
    """Begin to show how many of the topic's records are done."""
    tell(what, 0, records)
    return lambda done: tell(what, done, records)


def _verdict(verified: Verified) -> str:
    if verified.differing is None:
        return (
            f"the topic holds the log through position {verified.events:,}; digest {verified.log_digest[:16]}"
        )
    return f"the topic and the log differ at position {verified.differing:,}"


def _print(document: dict[str, Any], line: str, *, as_json: bool) -> None:
    sys.stdout.write((json.dumps(document) if as_json else line) + "\n")
