"""How a process learns that it should stop: by a signal, or because whoever supervises it is gone."""

import os
import signal
import sys
import threading
from collections.abc import Callable

_GRACE = 15.0  # seconds a supervised process has to end by itself


def told_to_stop(*, supervised: bool) -> threading.Event:
    """Return what is set when a role is told to stop: by a signal, or by the end of the supervisor that it has."""
    stop = threading.Event()
    stop_on_signals(stop.set)
    if supervised:
        stop_with_parent(stop.set)
    return stop


def stop_on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` on SIGTERM and SIGINT. Must be called in the main thread."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def stop_with_parent(stop: Callable[[], object]) -> None:
    """Call `stop` when standard input ends: a pipe that ends with the supervisor, however that dies.

    A process that has not ended some time later is ended.
    """

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stop()
        threading.Event().wait(_GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
