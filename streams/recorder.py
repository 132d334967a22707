"""The log as a persistence module of the eventsourcing library: PERSISTENCE_MODULE=streams.recorder.

Any `eventsourcing.Application` runs on it: its events are in the log's one table, under its name and a tenant,
and its notification ids are positions. Environment: BACKSTORY_DATABASE (a conninfo), BACKSTORY_MASTER_KEY (32 bytes
in base64), BACKSTORY_TENANT (default `main`), ORIGINATOR_ID_TYPE (`uuid` or `text`), CREATE_TABLE (default yes:
migrate the database). What the application stores is opaque to us: to encrypt it, use the library's own cipher.
"""

from base64 import b64decode
from typing import Any
from uuid import UUID

from eventsourcing import persistence as library
from eventsourcing.utils import resolve_topic, strtobool

from streams.applications import (
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogProcessRecorder,
    LogTrackingRecorder,
    Scope,
)
from streams.log import Log
from streams.migrate import migrate
from streams.snapshots import SnapshotRecorder


class Factory(library.InfrastructureFactory[LogTrackingRecorder]):
    """Makes recorders on the log that the environment names."""

    def __init__(self, env: Any) -> None:  # noqa: ANN401 - as the library's
        super().__init__(env)
        conninfo = self._setting("BACKSTORY_DATABASE")
        if strtobool(self.env.get("CREATE_TABLE", "yes")):
            migrate(conninfo)
        self.log = Log(conninfo, b64decode(self._setting("BACKSTORY_MASTER_KEY")))
        self.scope = Scope(
            tenant=self.env.get("BACKSTORY_TENANT", "main"),
            application=self.env.name.lower() or "stored",
            ids=str if self.env.get("ORIGINATOR_ID_TYPE", "uuid") == "text" else UUID,
        )

    def close(self) -> None:
        """Commit what is under way and give back every connection."""
        self.log.close()

    def aggregate_recorder(self, purpose: str = "events") -> library.AggregateRecorder:
        """Return a recorder for aggregates' events, or, for any other purpose, for their snapshots."""
        if purpose == "events":
            return LogAggregateRecorder(self.log, self.scope)
        return SnapshotRecorder(self.log, self.scope)

    def application_recorder(self) -> library.ApplicationRecorder:
        """Return a recorder for an application's events."""
        recorder: library.ApplicationRecorder = self._of(
            LogApplicationRecorder, self.APPLICATION_RECORDER_TOPIC
        )
        return recorder

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:  # noqa: ANN401 - as the library's
        """Return a recorder of the given class, made as LogTrackingRecorder is."""
        return self._of(tracking_recorder_class or LogTrackingRecorder, self.TRACKING_RECORDER_TOPIC)

    def process_recorder(self) -> library.ProcessRecorder:
        """Return a recorder for events together with what they were made from."""
        recorder: library.ProcessRecorder = self._of(LogProcessRecorder, self.PROCESS_RECORDER_TOPIC)
        return recorder

    def _of(self, recorder: type[Any], topic: str) -> Any:  # noqa: ANN401 - as the library's
        named = self.env.get(topic)
        return (resolve_topic(named) if named else recorder)(self.log, self.scope)

    def _setting(self, name: str) -> str:
        value = self.env.get(name)
        if not value:
            raise library.InfrastructureFactoryError(f"{name} is not set")
        return value
