"""Commands asked at the same moment are done together: in few queries and one commit."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from fastapi.concurrency import run_in_threadpool

from commands.command import Answer, Command, Context
from commands.handle import Refused, handle, handle_many
from streams.log import Log

_MOST_AT_ONCE = 64
_Outcomes = list[tuple[asyncio.Future[Answer | Refused | None], Answer | Refused | None]]


@dataclass(slots=True, eq=False)
class _Asked:
    """A command that waits, and where its outcome is told: None to do it by itself."""

    command: Command
    context: Context
    told: asyncio.Future[Answer | Refused | None]


class Together:
    """Does the commands of an event loop's requests in a thread of its own: all that wait by one `handle_many`.

    Where doing them together fails, each is done by itself, under its command id, so that one's trouble is no other's.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._changed = threading.Condition()
        self._waiting: deque[_Asked] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)

    def __enter__(self) -> Self:
        """Begin to do what is asked."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Do what was asked, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    async def handle(self, command: Command, context: Context) -> Answer:
        """Do what is asked, as `commands.handle.handle` does; without a command id by itself."""
        outcome = None
        if context.command_id is not None and (asked := self._queue(command, context)) is not None:
            outcome = await asked.told
        if outcome is None:
            return await run_in_threadpool(handle, self._log, command, context)
        if isinstance(outcome, Answer):
            return outcome
        raise outcome

    def _queue(self, command: Command, context: Context) -> _Asked | None:
        """Let a command wait for its turn; None where there will be none."""
        asked = _Asked(command, context, asyncio.get_running_loop().create_future())
        with self._changed:
            if self._closing:
                return None
            self._waiting.append(asked)
            self._changed.notify()
        return asked

    def _run(self) -> None:
        while taken := self._taken():
            outcomes: Sequence[Answer | Refused | None] = [None] * len(taken)
            with suppress(Exception):  # not lost: each meets its own when it is done by itself
                outcomes = handle_many(self._log, [(one.command, one.context) for one in taken])
            _tell(taken, outcomes)

    def _taken(self) -> list[_Asked]:
        """Wait for commands and return those of one tenant, the longest waiting first; none is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            taken, others = list[_Asked](), deque[_Asked]()
            while self._waiting and len(taken) < _MOST_AT_ONCE:
                one = self._waiting.popleft()
                same = not taken or one.context.tenant == taken[0].context.tenant
                (taken if same else others).append(one)
            self._waiting.extendleft(reversed(others))
        return taken


def _tell(taken: Sequence[_Asked], outcomes: Sequence[Answer | Refused | None]) -> None:
    """Wake who asked, each event loop once; who has gone away meanwhile is not told."""
    outcomes_of = defaultdict[asyncio.AbstractEventLoop, _Outcomes](list)
    for one, outcome in zip(taken, outcomes, strict=True):
        outcomes_of[one.told.get_loop()].append((one.told, outcome))
    for loop, told in outcomes_of.items():
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_settle, told)


def _settle(told: _Outcomes) -> None:
    for future, outcome in told:
        if not future.done():
            future.set_result(outcome)
