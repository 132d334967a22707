"""Reading a mapping: a TOML file or a preset, every mistake told by its key and the rule."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api.failures import Misuse
from api.imports.mapping import Mapping


def presets() -> list[str]:
    """Return the names of the mappings that come with Backstory."""
    found = resources.files("api.imports").joinpath("presets").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in found if entry.name.endswith(".toml"))


def load(name: str, **overrides: str | None) -> Mapping:
    """Read a mapping: a TOML file's path, or a preset's name. Overrides replace top-level keys.

    Raises Misuse naming the key and the rule it breaks.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        text, stem = path.read_text(encoding="utf-8"), path.stem
    elif name in presets():
        text, stem = resources.files("api.imports").joinpath("presets", f"{name}.toml").read_text(), name
    else:
        raise Misuse(f"MAPPING: {name} is neither a .toml file nor one of {', '.join(presets())}")
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise Misuse(f"{stem}: not TOML: {cause}") from cause
    given = {"name": stem} | given | {key: value for key, value in overrides.items() if value is not None}
    try:
        return Mapping.model_validate(given)
    except ValidationError as cause:
        raise Misuse("\n".join(_told(stem, dict(error)) for error in cause.errors())) from cause


def _told(stem: str, error: dict[str, Any]) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]).lstrip(".")
    rule = str(error["msg"]).removeprefix("Value error, ")
    return f"{stem}: {place}: {rule}" if place else f"{stem}: {rule}"
