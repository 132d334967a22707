"""Supervision: roles as child processes, restarted when they die, stopped with their supervisor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_STEADY = 10.0  # seconds after which a role counts as well again
_GRACE = 15.0  # seconds a role has to stop by itself


@dataclass(slots=True)
class Role:
    """A role: the arguments of `backstory` that run it, and open files it inherits."""

    name: str
    arguments: Sequence[str]
    files: Sequence[int] = ()
    deaths: int = 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    due: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs roles as processes of their own; `tend` must be called every now and then, and never blocks long.

    A role stops on SIGTERM and when its standard input, a pipe of this process, ends: so also when this process
    is killed. Each has a session of its own, so Ctrl-C reaches only the supervisor, which stops them in order.
    """

    roles: Sequence[Role]
    environment: Mapping[str, str]
    tell: Callable[[str], None]

    def tend(self) -> None:
        """Start every role that should run and does not, after a pause that grows with every quick death."""
        for role in self.roles:
            if role.process is not None and (code := role.process.poll()) is not None:
                self._bury(role, code)
            if role.process is None and time.monotonic() >= role.due:
                self._start(role)

    def stop(self) -> None:
        """Ask every role to stop and wait until all have; kill what does not."""
        running = [role.process for role in self.roles if role.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _GRACE
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, role: Role) -> None:
        role.started = time.monotonic()
        role.process = subprocess.Popen(  # noqa: S603 - this program, arguments of ours
            [sys.executable, "-P", "-m", "api.cli", *role.arguments, "--supervised"],
            stdin=subprocess.PIPE,
            env=dict(self.environment),
            pass_fds=tuple(role.files),
            start_new_session=True,
        )

    def _bury(self, role: Role, code: int) -> None:
        if role.process is not None:
            _close(role.process)
        role.process = None
        role.deaths += 1
        if time.monotonic() - role.started > _STEADY:
            role.pause = _FIRST_PAUSE
        role.due = time.monotonic() + role.pause
        self.tell(f"{role.name}: {_how(code)}, starts again in {role.pause:.1f} s")
        role.pause = min(role.pause * 2, _LONGEST_PAUSE)


def environment(**settings: object) -> dict[str, str]:
    """Return this process's environment with these settings, which nobody else sees, unlike arguments."""
    given = {f"BACKSTORY_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
    return dict(os.environ) | given


def _how(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
