"""`backstory import`: the arguments, the run, the report."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from api.failures import Misuse
from api.imports import importing
from api.imports.files import assign
from api.imports.loading import load, presets
from api.progress import shown
from streams.log import Log


class Place(Protocol):
    """Where the log is, and whose records are read and written."""

    conninfo: str

    @property
    def log(self) -> Log:
        """The log."""

    @property
    def tenant(self) -> str:
        """The tenant."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory import` takes."""
    parser.add_argument(
        "mapping", metavar="MAPPING", nargs="?", help=f"a TOML file, or {', '.join(presets())}"
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a file, or INPUT=FILE")
    parser.add_argument("--dry-run", action="store_true", help="read and decide everything, record nothing")
    parser.add_argument(
        "--rejects", metavar="FILE", type=Path, help="write every bad row's place and reason here"
    )
    parser.add_argument("--undo", metavar="BATCH", help="withdraw everything this batch recorded")
    parser.add_argument("--reason", metavar="TEXT", help="why the batch is withdrawn")
    parser.add_argument(
        "--source", help="the name of the system the files come from, instead of the mapping's"
    )
    parser.add_argument("--currency", help="the currency of amounts without one, instead of the mapping's")
    parser.add_argument("--time-zone", help="the IANA zone of times without one, instead of the mapping's")
    parser.add_argument(
        "--as-of", metavar="TIME", help="the time whose state the files show, for a later export"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace, place: Place) -> int:
    """Do what the arguments ask; return 0, or 1 when nothing could be imported. Raises Misuse or Failure."""
    if args.undo is not None:
        return _undo(args, place)
    if args.mapping is None or not args.files:
        raise Misuse("import takes a MAPPING and at least one FILE")
    mapping = load(
        args.mapping,
        source=args.source,
        currency=args.currency,
        time_zone=args.time_zone,
        as_of=args.as_of,
    )
    request = importing.Request(
        mapping=mapping,
        files=assign(mapping, args.files),
        tenant=place.tenant,
        now=datetime.now(UTC),
        dry_run=args.dry_run,
        rejects=args.rejects,
    )
    with shown() as told:
        report = importing.run_import(place.log, request, told)
        if not report.dry_run:
            told("projecting", 0, 1)
            importing.catch_up(place.log, place.conninfo)
    sys.stdout.write(json.dumps(report.document()) + "\n" if args.json else report.text())
    return 1 if report.failed else 0


def _undo(args: argparse.Namespace, place: Place) -> int:
    if not args.reason:
        raise Misuse("--undo takes --reason TEXT")
    withdrawn = importing.undo_import(
        place.log, tenant=place.tenant, batch=args.undo, reason=args.reason, now=datetime.now(UTC)
    )
    importing.catch_up(place.log, place.conninfo)
    told = {"batch": args.undo, "withdrawn_from": withdrawn}
    text = f"batch {args.undo}: withdrawn from {withdrawn:,} records\n"
    if withdrawn:
        text += "if another import told some of the same, import its files again: what still stands is not doubled\n"
    sys.stdout.write(json.dumps(told) + "\n" if args.json else text)
    return 0 if withdrawn else 1
