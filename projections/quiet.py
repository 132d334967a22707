"""Decoded events and states make no reference cycles: looking for some in every batch would cost a quarter of it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (2_000_000, 20, 100)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for reference cycles seldom until the block ends; what has none is freed at once as always."""
    usual = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
