"""The keeper: a small process that waits until nobody uses a server any more and stops it.

Users that end by themselves stop the server themselves; the keeper is for those that are killed. It waits in a lock of
the kernel's, so it costs nothing, and needs no word from anybody.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

_WAIT = """
import fcntl, os, sys
keeper, users, pidfile, folder = sys.argv[1:]
if os.fork():
    os._exit(0)
os.setsid()
alone = os.open(keeper, os.O_RDWR | os.O_CREAT, 0o600)
try:
    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    os._exit(0)
handle = os.open(users, os.O_RDWR)
fcntl.flock(handle, fcntl.LOCK_EX)
if not os.path.exists(pidfile):
    os._exit(0)
os.close(handle)
os.set_inheritable(alone, True)
os.execv(sys.executable, [sys.executable, "-P", "-m", "api.embedded", folder])
"""


def start_keeper(folder: Path) -> None:
    """Start the keeper of a server's data folder; where one is at work, nothing happens."""
    names = [str(folder.with_name(f"{folder.name}.{name}")) for name in ("keeper", "users")]
    subprocess.run(  # noqa: S603 - this interpreter, code of ours
        [sys.executable, "-I", "-S", "-c", _WAIT, *names, str(folder / "postmaster.pid"), str(folder)],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_last(folder: Path) -> None:
    """Wait until no process uses the server of this data folder."""
    handle = os.open(folder.with_name(f"{folder.name}.users"), os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.close(handle)
