"""Who the embedded server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from api.failures import Failure

_CANDIDATES = ("postgres", "nobody")
_PASS, _READ = 0o001, 0o005


class Account(NamedTuple):
    """An unprivileged account of this machine."""

    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Return the account a server on this folder runs as, None for the caller's own.

    Only root needs another: the folder's owner once it exists, else `postgres`, else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    known = {entry.pw_name: Account(entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()}
    for name in _CANDIDATES:
        if name in known:
            return known[name]
    raise Failure("PostgreSQL does not run as root, and this machine has no account `postgres` or `nobody`")


def make_passable(folder: Path) -> None:
    """Let other accounts pass through the parents of a folder; what is in them stays unreadable."""
    _open(folder.parents, _PASS)


def make_readable(folder: Path) -> None:
    """Let other accounts run what is installed in a folder, if the installer's umask kept them out."""
    make_passable(folder)
    if (folder / "bin" / "postgres").stat().st_mode & _READ != _READ:
        _open([folder, *(path for path in folder.parent.rglob("*") if not path.is_symlink())], _READ)


def _open(paths: Iterable[Path], bits: int) -> None:
    for path in paths:
        mode = path.stat().st_mode
        wanted = bits if path.is_dir() or mode & 0o100 else bits & ~_PASS
        if mode & wanted != wanted:
            path.chmod(mode & 0o7777 | wanted)
