"""Commands asked at the same moment are done together: in few queries and one commit."""

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from commands.command import Answer, Command, Context
from commands.handle import Refused, handle, handle_many
from streams.log import Log

_MOST_AT_ONCE = 64


@dataclass(slots=True, eq=False)
class _Asked:
    """A command that waits. `woken` opens when it has its outcome, or `leads`, or is to be done by itself."""

    command: Command
    context: Context
    outcome: Answer | Refused | None = None
    leads: bool = False
    woken: threading.Lock = field(default_factory=threading.Lock)


class Together:
    """Does commands for many threads. It has no thread of its own: those that ask take turns in leading.

    The leader does its command and all that wait by one `handle_many`; then the next that waits leads. Where doing
    them together fails, each is done by itself, under its command id, so that one's trouble is no other's.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._mutex = threading.Lock()
        self._waiting: deque[_Asked] = deque()
        self._led = False

    def handle(self, command: Command, context: Context) -> Answer:
        """Do what is asked, as `commands.handle.handle` does; without a command id by itself."""
        if context.command_id is None:
            return handle(self._log, command, context)
        mine = _Asked(command, context)
        self._queue(mine)
        if mine.leads:
            self._lead(mine)
        if isinstance(mine.outcome, Answer):
            return mine.outcome
        if mine.outcome is not None:
            raise mine.outcome
        return handle(self._log, command, context)

    def _queue(self, mine: _Asked) -> None:
        """Let a command lead where none does; else wait until it is done or is to lead."""
        with self._mutex:
            if not self._led:
                self._led = mine.leads = True
                return
            mine.woken.acquire()
            self._waiting.append(mine)
        mine.woken.acquire()

    def _lead(self, mine: _Asked) -> None:
        """Do this command and what waits; then let the next lead, if any waits."""
        taken = self._taken(mine)
        try:
            with suppress(Exception):  # not lost: each meets its own when it is done by itself
                outcomes = handle_many(self._log, [(one.command, one.context) for one in taken])
                for one, outcome in zip(taken, outcomes, strict=True):
                    one.outcome = outcome
        finally:
            self._hand_over()
            for one in taken[1:]:
                one.woken.release()

    def _hand_over(self) -> None:
        with self._mutex:
            self._led = bool(self._waiting)
            if self._led:
                after = self._waiting.popleft()
                after.leads = True
                after.woken.release()

    def _taken(self, mine: _Asked) -> list[_Asked]:
        """Return this command and, longest waiting first, what waits for its tenant."""
        taken, others = [mine], deque[_Asked]()
        with self._mutex:
            while self._waiting and len(taken) < _MOST_AT_ONCE:
                one = self._waiting.popleft()
                (taken if one.context.tenant == mine.context.tenant else others).append(one)
            self._waiting.extendleft(reversed(others))
        return taken
