"""Static files under an address that names their content, so that a browser may keep them for ever."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"


@cache
def digest() -> str:
    """Return the digest of all static files: modules that import one another by relative names stay together."""
    found = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(FOLDER)}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def prefix() -> str:
    """Return the address below which the static files of this version are."""
    return f"/static/{digest()}"


def asset(name: str) -> str:
    """Return the address of a static file. Raises FileNotFoundError for one that does not exist."""
    if not (FOLDER / name).is_file():
        raise FileNotFoundError(
            f"api/pages/static/{name}: is missing; `make setup` fetches what is in vendor/"
        )
    return f"{prefix()}/{name}"


class Assets(StaticFiles):
    """Serves the static files, to be kept for ever."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with its caching."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _FOR_EVER
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
