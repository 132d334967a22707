"""The memory of a benchmark's Python processes, watched while it runs."""

import threading
from typing import Self

import psutil


class Memory:
    """Watches this process and its workers; `line` says what they had along the way, in MB."""

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def line(self) -> str:
        """The memory at eight moments of the run, and the peak."""
        moments = [self._samples[len(self._samples) * n // 8] for n in range(8)] if self._samples else []
        shown = " ".join(f"{megabytes:.0f}" for megabytes in moments)
        return f"{shown} MB along the way, peak {max(self._samples, default=0):.0f} MB"

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            self._samples.append(sum(map(_rss, processes)) / 2**20)


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss) if process.name().startswith("python") else 0
    except psutil.NoSuchProcess:
        return 0
