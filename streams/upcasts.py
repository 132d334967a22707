"""How events stored under an older version are read today: each old name with its successor and a rewrite.

A rewrite takes and returns the event's data as plain JSON values. It runs on every reading of such an event, by
every reader, so that old and new events meet the same folds.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcast = tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]

UPCASTS: Mapping[str, Upcast] = {}
