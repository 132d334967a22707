"""What was asked once is known again by every later version of this code.

`golden_contents.json` has what every command said before any of them gained a field: as briefly as it can be said, and
in full. A field that comes LATER changes none of them; a new command gets a line of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from commands.command import Answer, Command, MoveToStage, OpenDeal
from commands.content import content_of, fingerprint
from commands.handle import handle
from streams.errors import CommandReused
from streams.log import Log
from streams.records import Append, Asked
from tests.commands.asking import context

GOLDEN = msgspec.json.decode(
    (Path(__file__).parent / "golden_contents.json").read_bytes(), type=dict[str, list[msgspec.Raw]]
)
DEAL = OpenDeal(pipeline="sales", stage="New", title="Lamps")
MOVE = MoveToStage(deal_id="1", stage="Proposal")


def test_every_command_has_a_golden_content() -> None:
    assert GOLDEN.keys() == {kind.__name__ for kind in get_args(Command)}


@pytest.mark.parametrize("kind", get_args(Command), ids=lambda kind: kind.__name__)
def test_a_command_says_what_it_said_before_it_gained_a_field(kind: type[Command]) -> None:
    for golden in GOLDEN[kind.__name__]:
        told = bytes(golden).decode()
        assert content_of(msgspec.json.decode(told, type=kind)) == told


def test_a_fingerprint_is_of_the_command_its_source_and_what_it_says(log: Log) -> None:
    golden = bytes(GOLDEN["OpenDeal"][0]).decode()
    command = msgspec.json.decode(golden, type=OpenDeal)
    expected = log.keyring.digest("command", "OpenDeal", "shop", golden)
    assert fingerprint(log.keyring, command, context()) == expected


def test_a_later_field_that_says_something_makes_another_request() -> None:
    said = [MOVE, *(replace(MOVE, **later) for later in ({"owner": "mara"}, {"reopens": True}))]
    assert len({content_of(one) for one in said}) == 3
    assert content_of(replace(DEAL, converts=True)) != content_of(DEAL)


@pytest.mark.parametrize(
    "command", [DEAL, MOVE, replace(MOVE, owner="mara")], ids=["OpenDeal", "MoveToStage", "with owner"]
)
def test_what_was_recorded_with_fields_that_said_nothing_is_known_again(log: Log, command: Command) -> None:
    written = msgspec.json.encode(command, order="deterministic").decode()
    assert written != content_of(command)
    told = log.keyring.digest("command", type(command).__name__, "shop", written)
    answer = {"id": "1", "anomalies": ()}
    asked = Asked(command_id="c1", fingerprint=told, answer=answer)
    log.append(Append(tenant="main", changes=[], actor="test", source="shop", asked=asked))
    again = handle(log, command, context("c1"))
    assert isinstance(again, Answer)
    assert (again.id, again.repeated) == ("1", True)
    with pytest.raises(CommandReused):
        handle(log, replace(command, stage="Won"), context("c1"))
