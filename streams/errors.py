"""The log says no. The docstring of each class is the sentence people read."""


class LogRefusal(Exception):
    """The log could not record this."""

    def __init__(self, **detail: object) -> None:
        told = ", ".join(f"{name}={value!r}" for name, value in detail.items())
        sentence = (type(self).__doc__ or "").strip()
        super().__init__(f"{sentence} ({told})" if told else sentence)
        self.detail = detail


class WrongExpectedVersion(LogRefusal):
    """The stream has moved on since it was read."""

    def __init__(self, *, stream: str, expected: int, current: int) -> None:
        super().__init__(stream=stream, expected=expected, current=current)
        self.stream, self.expected, self.current = stream, expected, current


class ClaimTaken(LogRefusal):
    """Another record already has this identity."""

    def __init__(self, *, kind: str, holder: str) -> None:
        super().__init__(kind=kind, holder=holder)
        self.kind, self.holder = kind, holder


class Overtaken(LogRefusal):
    """What this was decided on has changed meanwhile; decide again."""


class KeyDestroyed(LogRefusal):
    """The person whose key seals this was forgotten meanwhile."""

    def __init__(self, *, subject: str) -> None:
        super().__init__(subject=subject)
        self.subject = subject


class KeyTaken(LogRefusal):
    """Another writer made the key of this person meanwhile."""

    def __init__(self, *, subject: str) -> None:
        super().__init__(subject=subject)
        self.subject = subject


class CommandReused(LogRefusal):
    """This idempotency key, or this id of an event of its source, was already used for something else."""


class OutcomeUnknown(LogRefusal):
    """The connection was lost while the log was answering; look the command up before asking again."""


class Unstorable(LogRefusal):
    """PostgreSQL cannot store this, such as a text with a NUL character."""


class UnknownEventType(LogRefusal):
    """No event class and no upcaster is known for this stored name."""


class UnreadableEvent(LogRefusal):
    """A stored event does not follow its type."""


class WrongMasterKey(LogRefusal):
    """This master key did not wrap the keys of this log."""


class MigrationMismatch(LogRefusal):
    """The database was migrated by other files than these."""


class UnreadableRecord(LogRefusal):
    """A Kafka record does not follow the format of its topic."""


class WrongTopic(LogRefusal):
    """A Kafka topic is not as it must be."""


class ForeignTopic(LogRefusal):
    """A Kafka topic holds another log than this one."""


class IncompleteTopic(LogRefusal):
    """A Kafka topic lacks what was published to it."""


class NotEmpty(LogRefusal):
    """A log is restored only into a database where none was begun."""


class HoleInTopic(LogRefusal):
    """A Kafka topic misses an event, and the log does not have it either."""


class LogClosed(LogRefusal):
    """This log handle was closed."""
