"""`backstory forget`: a person's keys are destroyed, and every read model loses the person."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from api.cli.keys import operator
from api.failures import Failure
from api.place import Place
from commands.command import Context, ForgetCustomer
from commands.customers import PERSONAL_KINDS
from commands.handle import handle
from domain.event import stored_as
from streams.records import Recorded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory forget` takes."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
    parser.add_argument(
        "--reason", metavar="TEXT", required=True, help="why; it stays in the log, so name nobody"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be erased, erase nothing")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace, place: Place) -> int:
    """Erase, wait until the read models have lost the person too, and say what was erased."""
    found = sealed_fields(place, args.customer)
    told: dict[str, object] = {"customer": args.customer, "erased": not args.dry_run, "streams": found}
    if not args.dry_run:
        asked = ForgetCustomer(customer_id=args.customer, reason=args.reason)
        context = Context(tenant=place.tenant, actor=operator(), source="backstory", now=datetime.now(UTC))
        told["position"] = handle(place.log, asked, context).position
        place.catch_up()
    sys.stdout.write(json.dumps(told) + "\n" if args.json else _text(found, dry_run=args.dry_run))
    return 0


def sealed_fields(place: Place, customer: str) -> dict[str, dict[str, int]]:
    """Count the readable personal fields of a customer's streams, by stream and field.

    Raises Failure for a customer this tenant does not have.
    """
    own = f"customer-{customer}"
    names = [own, *place.log.streams_of_customer(place.tenant, customer)]
    streams = place.log.streams(place.tenant, [n for n in names if n.startswith((own, *PERSONAL_KINDS))])
    if not streams[own]:
        raise Failure(f"CUSTOMER: tenant {place.tenant} has no customer {customer}")
    return {name: counted for name, recorded in streams.items() if (counted := _counted(recorded))}


def _counted(recorded: list[Recorded]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for entry in recorded:
        for field in stored_as(type(entry.event)).sealed:
            if getattr(entry.event, field) is not None:
                counted[field] = counted.get(field, 0) + 1
    return dict(sorted(counted.items()))


def _text(found: Mapping[str, Mapping[str, int]], *, dry_run: bool) -> str:
    verb = "would be erased" if dry_run else "erased, in the log and in every read model"
    if not found:
        return "nothing personal was left to erase\n"
    lines = [
        f"{stream}: {', '.join(f'{name} ({n})' for name, n in f.items())}\n" for stream, f in found.items()
    ]
    return "".join([f"{verb}:\n", *lines])
