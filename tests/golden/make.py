"""`python -m tests.golden.make`: add the missing golden samples, one for every stored name; existing ones stay."""

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.event import Event, registered
from streams.keyring import cipher_of, wrap
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import machine

FOLDER = Path(__file__).parent
TENANT, SUBJECT = "golden", "customer-1"
_SIMPLE: Mapping[object, object] = {
    bool: True,
    int: 7,
    Decimal: Decimal("12.30"),
    datetime: datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    date: date(2026, 1, 2),
}


def example(hint: Any, name: str = "value") -> Any:  # noqa: PLR0911 - one for each kind of type
    """Return the same value of a type every time; text says which field it is."""
    if hint is str:
        return f"a {name}"
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return hint(**{field: example(inner, field) for field, inner in typing.get_type_hints(hint).items()})
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return example(next(choice for choice in inner if choice is not type(None)), name)
    if origin is tuple:
        return (example(inner[0], name),) if inner[1:] == (...,) else tuple(example(i, name) for i in inner)
    return {example(inner[0], f"{name} key"): example(inner[1], name)}


def give_key(log: Log) -> None:
    """Give the person of the samples the key that they are sealed under."""
    wrapped = wrap(cipher_of(machine.MASTER_KEY), TENANT, SUBJECT, bytes(32))
    with log.connection() as connection:
        connection.execute(
            "INSERT INTO log.keys (tenant, subject, wrapped) VALUES (%s, %s, %s)", (TENANT, SUBJECT, wrapped)
        )


def sample(log: Log, cls: type[Event]) -> bytes:
    """Return a golden sample: how an event of this class is stored, and what it reads as."""
    event: Event = example(cls)
    _, stored = log.codec.encode(TENANT, SUBJECT, event)
    told = {"stored": msgspec.Raw(stored), "read_as": msgspec.to_builtins(event)}
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def main() -> None:
    """Write the samples that are missing and name them."""
    with machine.server() as server, machine.database(server) as database:
        migrate(database)
        with Log(database, machine.MASTER_KEY) as log:
            give_key(log)
            for name, cls in sorted(registered().items()):
                path = FOLDER / f"{name}.json"
                if not path.exists():
                    path.write_bytes(sample(log, cls))
                    sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
