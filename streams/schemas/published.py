"""The schemas as they were published: one file for each event version, kept for ever."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

FOLDER = Path(__file__).parent


@cache
def published(kind: str) -> Mapping[str, Schema]:
    """Return the published schemas of a kind, `events` or `intake`, by name and version."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / kind).glob("*.json"))
    }
