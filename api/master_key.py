"""The master key: given by a setting, else kept in the data folder."""

import base64
import os
import secrets
from pathlib import Path

from api.failures import Failure
from api.settings import Settings, read_master_key


def find_master_key(settings: Settings) -> bytes | None:
    """Return the master key of the settings or of the data folder, None where there is none.

    Raises Failure where the file is not a key.
    """
    if settings.master_key is not None:
        return read_master_key(settings.master_key.get_secret_value())
    file = _file(settings)
    try:
        return read_master_key(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as cause:
        raise Failure(f"{file} should hold {cause}") from None


def make_master_key(settings: Settings) -> bytes:
    """Keep a new master key in the data folder and return it; of two at once, both return the first one's."""
    file = _file(settings)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
        opened.flush()
        os.fsync(handle)
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    _sync(file.parent)
    return read_master_key(file.read_bytes())


def _file(settings: Settings) -> Path:
    return settings.data / "master.key"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
