"""The names of the topics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation, all beginning with its `prefix`."""

    prefix: str = "backstory"

    @property
    def events(self) -> str:
        """Every event of the log, in the partition and order of its routing."""
        return f"{self.prefix}.events"

    @property
    def keys(self) -> str:
        """Every person's wrapped key, compacted; a tombstone where the person is forgotten."""
        return f"{self.prefix}.keys"

    @property
    def intake(self) -> str:
        """What services publish for us to record."""
        return f"{self.prefix}.intake"

    @property
    def rejected(self) -> str:
        """What could not be recorded, with the reason."""
        return f"{self.prefix}.intake.rejected"

    @property
    def projectors(self) -> str:
        """The consumer group in whose name projectors tell Kafka how far they have read."""
        return f"{self.prefix}-project"
