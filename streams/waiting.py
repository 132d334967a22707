"""Waiting for a reader of the log to pass a position."""

import time
from collections.abc import Callable

_FIRST, _LONGEST = 0.002, 0.05  # seconds between two looks


def until_reached(reached: Callable[[], int], position: int, timeout: float) -> bool:
    """Look until a position is reached, ever more slowly; False when `timeout` seconds pass first."""
    deadline = time.monotonic() + timeout
    pause = _FIRST
    while reached() < position:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST)
    return True
