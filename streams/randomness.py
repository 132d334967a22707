"""Random bytes of the operating system, fetched many at a time: each fetch would let every other thread go first."""

import os
import threading
import uuid

_AT_ONCE = 4096  # bytes


class _Stock(threading.local):
    """What a thread has fetched and not used."""

    left = b""


_stock = _Stock()


def random_bytes(count: int) -> bytes:
    """Return bytes that nobody can foretell and no other call gets, in this process or in one forked from it."""
    if len(_stock.left) < count:
        _stock.left = os.urandom(max(count, _AT_ONCE))
    taken, _stock.left = _stock.left[:count], _stock.left[count:]
    return taken


def random_uuid() -> uuid.UUID:
    """Return a random (version 4) UUID."""
    return uuid.UUID(bytes=random_bytes(16), version=4)


def _begin_anew() -> None:
    """Drop what a child process has of its parent's."""
    _stock.left = b""


os.register_at_fork(after_in_child=_begin_anew)
