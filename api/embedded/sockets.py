"""Where the embedded server has its Unix socket: its data folder, or elsewhere when that path is too long."""

import hashlib
import os
import tempfile
from pathlib import Path

from api.failures import Failure

_LONGEST = 103  # bytes of a socket's path, the least any system allows
_NAME = ".s.PGSQL.5432"


def make_socket_folder(data: Path, uid: int) -> Path:
    """Return the folder for the socket of a server that runs as `uid` on `data`.

    Raises Failure where somebody else owns it or may write to it.
    """
    if _fits(data):
        return data
    name = f"backstory-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    parents = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - owner and mode are checked below
    folder = next((parent / name for parent in parents if _fits(parent / name)), None)
    if folder is None:
        raise Failure(f"no folder with a path short enough for a socket; choose a shorter one than {data}")
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, -1)
    except FileExistsError:
        found = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or found.st_uid != uid or found.st_mode & 0o022:
            raise Failure(f"{folder} should be this server's, but belongs to somebody else") from None
    return folder


def _fits(folder: Path) -> bool:
    listable = not {",", '"'} & set(str(folder))  # the server's setting is a list of folders
    return listable and len(os.fsencode(folder / _NAME)) <= _LONGEST
