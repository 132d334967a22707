"""`backstory replay`: doing it again."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

from api import health
from api.cli import holding, restoring
from api.cli.kafka_flags import add_kafka
from api.cli.keys import operator
from api.failures import Failure, Misuse
from api.place import Place
from api.progress import shown
from projections.definition import UnknownReadModel
from replay.building import NotThere
from replay.comparing import Difference
from replay.rebuild import RebuildUnderWay, Rebuilt, rebuild
from replay.swapping import SwapBlocked
from streams.follower import Follower
from streams.kafka.clients import KafkaError
from streams.kafka.follower import KafkaFollower
from streams.kafka.topics import Topics

_SHOWN = 20  # differing rows told to people; programs get all that the rebuild lists


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory replay` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = "Fold read models anew beside the live ones, compare, and swap them in."
    anew = actions.add_parser("rebuild", help="fold read models anew", description=told)
    anew.add_argument("names", metavar="NAME", nargs="+", help="a read model, or one of its tables or views")
    anew.add_argument(
        "--from", choices=["log", "kafka"], default="log", dest="origin", help="where the events come from"
    )
    anew.add_argument("--workers", type=int, metavar="N", help="processes to fold with (default: one a core)")
    anew.add_argument(
        "--approve", action="store_true", help="swap also when rows differ: the new ones are right"
    )
    anew.add_argument("--reason", metavar="TEXT", default="", help="why; it stays in the log")
    add_kafka(anew)
    anew.add_argument("--json", action="store_true", help="one JSON document")
    restoring.add_arguments(actions)
    holding.add_arguments(actions)


def run(args: argparse.Namespace, place: Place) -> int:
    """Do it again; 1 when rows differ and nobody has approved that: then the live tables stay."""
    if args.action == "restore":
        return restoring.run(args, place)
    if args.action in {"held", "retry", "skip"}:
        return holding.run(args, place)
    if args.workers is not None and args.workers < 1:
        raise Misuse("--workers: at least 1")
    with place.log.connection() as connection:
        if missing := health.incomplete(connection):
            raise Failure(f"nothing is folded from a log that is not whole: {missing}")
    try:
        with shown() as tell, _follower(args, place) as follower:
            report = rebuild(
                place.log,
                args.names,
                workers=args.workers,
                approve=args.approve,
                reason=args.reason,
                actor=operator(),
                progress=lambda told: tell(f"{told.name}: {told.step}", told.done, told.total),
                follower=follower,
            )
    except UnknownReadModel as cause:
        raise Misuse(f"NAME: {cause}") from None
    except (RebuildUnderWay, SwapBlocked, NotThere, KafkaError) as cause:
        raise Failure(str(cause)) from None
    if args.json:
        document = {"swapped": report.swapped, "models": [asdict(model) for model in report.models]}
        sys.stdout.write(json.dumps(document, default=str) + "\n")
    else:
        sys.stdout.writelines(line for model in report.models for line in _told(model))
    return 0 if report.swapped else 1


@contextmanager
def _follower(args: argparse.Namespace, place: Place) -> Iterator[Follower | None]:
    """Lend what reads the events from where they are to come from; None for the log itself."""
    if args.origin == "log":
        yield None
        return
    if args.kafka is None:
        raise Misuse(
            "--from kafka needs --kafka or BACKSTORY_KAFKA: the brokers, host:port, joined by commas"
        )
    with closing(KafkaFollower(place.log, args.kafka, Topics(args.kafka_prefix), _tell)) as follower:
        yield follower


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _told(model: Rebuilt) -> Iterator[str]:
    verdict = "swapped in" if model.swapped else "NOT swapped in: look at what differs, then --approve"
    seconds = f"{model.events:,} events in {model.seconds:.1f} s"
    rows = f"{model.rows:,} rows through position {model.through:,}"
    yield f"{model.name}: {rows}, {seconds}; {model.differing:,} differ; {verdict}\n"
    for difference in model.differences[:_SHOWN]:
        yield from _difference(difference)
    if model.differing > _SHOWN:
        yield f"  and {model.differing - _SHOWN:,} more; --json lists more\n"


def _difference(one: Difference) -> Iterator[str]:
    yield f"  {one.table} {one.tenant} {' '.join(one.key)}\n"
    if one.live is None or one.fresh is None:
        yield f"    {'only in the live table' if one.fresh is None else 'only in the rebuilt table'}\n"
    for column in one.columns:
        yield f"    {column}: {_value(one.live, column)} becomes {_value(one.fresh, column)}\n"
    for event in one.events:
        yield f"    event {event.position} {event.type} (version {event.version} of {event.stream})\n"


def _value(row: dict[str, Any] | None, column: str) -> str:
    return json.dumps((row or {}).get(column), default=str)
