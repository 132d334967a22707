"""What a command says, as one text: by it a repeat is known, whichever version of this code was asked first."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_args

import msgspec

from commands.command import LATER, Command, Context, MoveToStage, OpenDeal
from streams.keyring import Keyring

_LATER: Mapping[type, Mapping[str, object]] = {
    kind: {one.name: one.default for one in fields(kind) if one.metadata == LATER}
    for kind in get_args(Command)
}
"""The fields that each command gained LATER, with their defaults."""
_WRITTEN_UNSAID: Mapping[type, frozenset[str]] = {
    OpenDeal: frozenset({"converts"}),
    MoveToStage: frozenset({"amount", "currency", "owner", "lost_reason", "reopens"}),
}
"""Fields that a version of this code wrote even where they said nothing: what it recorded is known by them."""


def content_of(command: Command) -> str:
    """Return what a command says: the fields that it always had, and those it gained LATER where they say something."""
    return _text(command, _unsaid(command))


def fingerprint(keyring: Keyring, command: Command, context: Context) -> bytes:
    """Return what is stored with a command's first answer, to know its repeat by."""
    return _digest(keyring, command, context, content_of(command))


def is_known_by(told: bytes, keyring: Keyring, command: Command, context: Context) -> bool:
    """Say whether a stored fingerprint is of this command, by the code of today or of an earlier version."""
    return any(told == _digest(keyring, command, context, content) for content in _contents(command))


def _contents(command: Command) -> Iterator[str]:
    """Yield every text that a version of this code had for a command, today's first."""
    unsaid = _unsaid(command)
    yield _text(command, unsaid)
    if written := _WRITTEN_UNSAID.get(type(command), frozenset()) & unsaid:
        yield _text(command, unsaid - written)


def _digest(keyring: Keyring, command: Command, context: Context, content: str) -> bytes:
    return keyring.digest("command", type(command).__name__, context.source, content)


def _unsaid(command: Command) -> frozenset[str]:
    return frozenset(
        name for name, default in _LATER[type(command)].items() if getattr(command, name) == default
    )


def _text(command: Command, without: frozenset[str]) -> str:
    absent: dict[str, Any] = dict.fromkeys(without, msgspec.UNSET)
    told = replace(command, **absent) if absent else command
    return msgspec.json.encode(told, order="deterministic").decode()
