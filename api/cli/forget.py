"""`backstory forget`: a person's keys are destroyed, and every read model loses the person."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from api.cli.keys import operator
from api.forgetting import same_person, sealed_fields
from api.place import Place
from commands.command import Context, ForgetCustomer
from commands.handle import handle
from domain.customer import CustomerNotFound


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory forget` takes."""
    parser.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
    parser.add_argument(
        "--reason", metavar="TEXT", required=True, help="why; it stays in the log, so name nobody"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be erased, erase nothing")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace, place: Place) -> int:
    """Erase, wait until the read models have lost the person too, and say what was erased.

    Records merged with this one are the same person and are erased with it.
    """
    person = same_person(place.log, place.tenant, args.customer)
    found: dict[str, dict[str, int]] = {}
    for customer in person:
        found |= sealed_fields(place.log, place.tenant, customer)
    told: dict[str, object] = {"customers": person, "erased": not args.dry_run, "streams": found}
    if args.dry_run:
        _check_known(place, args.customer)
    else:
        told["position"] = max(_forget(place, customer, args.reason) for customer in person)
        place.catch_up()
    sys.stdout.write(json.dumps(told) + "\n" if args.json else _text(found, dry_run=args.dry_run))
    return 0


def _forget(place: Place, customer: str, reason: str) -> int:
    context = Context(tenant=place.tenant, actor=operator(), source="backstory", now=datetime.now(UTC))
    return handle(place.log, ForgetCustomer(customer_id=customer, reason=reason), context).position


def _check_known(place: Place, customer: str) -> None:
    if not place.log.stream(place.tenant, f"customer-{customer}"):
        raise CustomerNotFound(customer_id=customer)


def _text(found: Mapping[str, Mapping[str, int]], *, dry_run: bool) -> str:
    verb = "would be erased" if dry_run else "erased, in the log and in every read model"
    if not found:
        return "nothing personal was left to erase\n"
    lines = [
        f"{stream}: {', '.join(f'{name} ({n})' for name, n in f.items())}\n" for stream, f in found.items()
    ]
    return "".join([f"{verb}:\n", *lines])
