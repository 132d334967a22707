"""`backstory replay held`, `retry` and `skip`: what waits behind an event that a read model could not fold."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from api.cli.keys import operator
from api.failures import Failure, Misuse
from api.place import Place
from projections.holding import Held, held, retry, skip


def add_arguments(actions: Any) -> None:  # noqa: ANN401 - argparse names the type nowhere
    """Declare what the three take."""
    told = "List the units of read models that wait behind an event they could not fold."
    listed = actions.add_parser("held", help="list what is held behind a bad event", description=told)
    told = "Fold a held unit anew, when what was wrong is mended."
    again = actions.add_parser("retry", help="fold a held unit anew", description=told)
    again.add_argument("model", metavar="MODEL", help="the read model that holds it")
    again.add_argument("unit", metavar="UNIT", help="what is held, as `held` lists it")
    told = "Let a read model pass over the event that holds a unit, now and in every rebuild."
    over = actions.add_parser("skip", help="pass over a bad event for a reason", description=told)
    over.add_argument("model", metavar="MODEL", help="the read model that holds it")
    over.add_argument("position", metavar="POSITION", type=int, help="the event's, as `held` lists it")
    over.add_argument(
        "--reason", metavar="TEXT", required=True, help="why; it stays in the log, so name nobody"
    )
    for action in (listed, again, over):
        action.add_argument("--json", action="store_true", help="one object a line")


def run(args: argparse.Namespace, place: Place) -> int:
    """List what is held of the tenant; or mend one unit: 1 when it is held still."""
    match args.action:
        case "held":
            for one in held(place.conninfo, place.tenant):
                sys.stdout.write(_json(one) if args.json else _told(one))
            return 0
        case "retry":
            one = _find(place, args.model, unit=args.unit)
            whole = retry(place.log, place.conninfo, one)
        case _:
            if not args.reason.strip():
                raise Misuse("--reason: why the event is passed over")
            one = _find(place, args.model, position=args.position)
            whole = skip(place.log, place.conninfo, one, reason=args.reason, actor=operator())
            place.catch_up()
    if whole:
        document = {"model": one.model, "unit": one.unit, "held": False}
        sys.stdout.write(
            json.dumps(document) + "\n" if args.json else f"{one.model}: {one.unit} is whole again\n"
        )
        return 0
    still = _find(place, one.model, unit=one.unit)
    sys.stdout.write(_json(still) if args.json else f"still held: {_told(still)}")
    return 1


def _find(place: Place, model: str, *, unit: str | None = None, position: int | None = None) -> Held:
    for one in held(place.conninfo, place.tenant):
        if one.model == model and (one.unit == unit or one.position == position):
            return one
    what = f"no event {position}" if unit is None else f"nothing called {unit}"
    raise Failure(f"{model} waits for {what}: `backstory replay held` lists what is held")


def _json(one: Held) -> str:
    return json.dumps({**asdict(one), "held": True}, default=str) + "\n"


def _told(one: Held) -> str:
    return f"{one.model} {one.unit} since event {one.position} ({one.type}): {one.error}\n"
