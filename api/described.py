"""`make docs`: write what describes the stream into streams/schemas, unless that breaks what was published."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from api.intake import schemas as intake
from streams.schemas import stored
from streams.schemas.asyncapi import document
from streams.schemas.compatibility import breaks_publishers, breaks_readers
from streams.schemas.published import FOLDER, Schema, published
from streams.upcasts import UPCASTS

Breaks = Callable[[Schema, Schema], list[str]]


def broken() -> Iterator[str]:
    """Find what the code breaks of what was published."""
    yield from _broken("events", published("events"), stored.generated(), breaks_readers)
    yield from _broken("intake", published("intake"), intake.generated(), breaks_publishers)


def files() -> Mapping[Path, Schema]:
    """Return what `make docs` writes: a schema a version, older ones as they were, and the AsyncAPI document."""
    kinds = {"events": stored.generated(), "intake": intake.generated()}
    schemas = {kind: dict(sorted({**published(kind), **made}.items())) for kind, made in kinds.items()}
    made = {
        FOLDER / kind / f"{name}.json": schema
        for kind, named in schemas.items()
        for name, schema in named.items()
    }
    return {**made, FOLDER / "asyncapi.json": document(schemas["events"], schemas["intake"])}


def text(schema: Schema) -> bytes:
    """Return how a file says it."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def main() -> int:
    """Write every file that differs and name it; write nothing and say why where something published would break."""
    if found := list(broken()):
        sys.stderr.writelines(f"{line}\n" for line in found)
        sys.stderr.write("What was published stays: make it the next version.\n")
        return 1
    for path, schema in files().items():
        if not path.exists() or path.read_bytes() != text(schema):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text(schema))
            sys.stdout.write(f"{path.relative_to(FOLDER)}\n")
    return 0


def _broken(
    kind: str, before: Mapping[str, Schema], now: Mapping[str, Schema], breaks: Breaks
) -> Iterator[str]:
    for name, schema in before.items():
        if name in now:
            yield from (f"{kind}/{name} {told}" for told in breaks(schema, now[name]))
        elif name not in UPCASTS:
            yield f"{kind}/{name} is gone"


if __name__ == "__main__":
    raise SystemExit(main())
