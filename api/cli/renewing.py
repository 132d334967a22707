"""Folding anew, beside everything that runs, what another version of this code made."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from api.cli.keys import operator
from api.place import Place
from replay.building import NotThere
from replay.rebuild import RebuildUnderWay, rebuild
from replay.swapping import SwapBlocked

_REASON = "made by another version"


class _Stopped(Exception):
    """The rest is done by the next call."""


@contextmanager
def renewing(place: Place, tell: Callable[[str], None]) -> Iterator[None]:
    """Rebuild the read models that another version made, beside the rest; they are shown as they were until then.

    Ends with what it surrounds, within a chunk of the rebuild; what is left is done the next time.
    """
    if not place.outdated:
        yield
        return
    names = ", ".join(place.outdated)
    tell(f"{names}: {_REASON}; rebuilt now, shown as before until then")
    stop = threading.Event()
    thread = threading.Thread(target=_renew, args=(place, names, tell, stop), name="renewing")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew(place: Place, names: str, tell: Callable[[str], None], stop: threading.Event) -> None:
    def go_on(_: object) -> None:
        if stop.is_set():
            raise _Stopped

    try:
        rebuild(place.log, place.outdated, reason=_REASON, actor=operator(), progress=go_on)
    except _Stopped:
        return
    except (RebuildUnderWay, SwapBlocked, NotThere, psycopg.Error) as cause:
        tell(f"{names}: not rebuilt ({cause}); run `backstory replay rebuild {names.replace(', ', ' ')}`")
    else:
        tell(f"{names}: rebuilt")
