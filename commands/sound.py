"""What any command must be before it is decided: text that can be kept, times with their zone in a usable range."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime

import msgspec

from commands.command import Command, Context
from domain.errors import InvalidValue

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NUL = b"\\u0000"  # as JSON writes it


def unsound(command: Command, context: Context) -> InvalidValue | None:
    """Return what is wrong with a command or its context whatever the rules say; None for what can be recorded.

    The refusal names the field and its rule, never the value, which could be personal.
    """
    for part in (command, context):
        if not _is_plain(part):
            for name, text in _texts(part):
                if not _is_text(text):
                    return InvalidValue(field=name, rule="text without NUL characters and lone surrogates")
    for name, at in (("occurred_at", getattr(command, "occurred_at", None)), ("now", context.now)):
        if at is not None and (at.tzinfo is None or not EARLIEST <= at < LATEST):
            return InvalidValue(field=name, rule="a time with its zone, from 1900 to 2199")
    due_on: date | None = getattr(command, "due_on", None)
    if due_on is not None and not EARLIEST.date() <= due_on < LATEST.date():
        return InvalidValue(field="due_on", rule="a day from 1900 to 2199")
    return None


def _is_plain(part: Command | Context) -> bool:
    """Say, the short way, that all text in it can be kept."""
    try:
        return _NUL not in msgspec.json.encode(part)
    except UnicodeEncodeError:
        return False


def _is_text(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a value with the dotted name of its field; keys of a mapping go by the mapping's name."""
    if isinstance(value, str):
        yield name, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), f"{name}.{field.name}" if name else field.name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key, name)
            yield from _texts(item, name)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _texts(item, name)
