"""Messages: what is written to a customer, and whether it could be sent."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from domain.errors import Refusal
from domain.event import Event, stored
from domain.record import EventsWithdrawn

Channel = Literal["email"]


@stored("message-queued.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueued(Event):
    """Something is to be written to a customer, at the address that stands when it is sent."""

    channel: Channel
    customer_id: str
    lead_id: str | None = None
    subject: str
    text: str


@stored("message-sent.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Event):
    """The message was handed over to be delivered."""


@stored("message-failed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed(Event):
    """The message cannot be sent, and is not tried again; `reason` is a kind of trouble and names nobody."""

    reason: str


MessageEvent = MessageQueued | MessageSent | MessageFailed | EventsWithdrawn


class MessageNotFound(Refusal):
    """There is no such message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What decisions about a message need to know."""

    queued: MessageQueued | None = None
    sent: bool = False
    failed: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is still to be sent."""
        return self.queued is not None and not self.sent and not self.failed


NEW = Message()


def evolve(state: Message, event: MessageEvent) -> Message:
    """Return the state after an event; of facts, any order gives the same."""
    match event:
        case MessageQueued():
            return replace(state, queued=event)
        case MessageSent():
            return replace(state, sent=True)
        case MessageFailed():
            return replace(state, failed=True)
        case EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def queue(  # noqa: PLR0913 - a message's fields
    state: Message,
    *,
    channel: Channel,
    customer_id: str,
    lead_id: str | None,
    subject: str,
    text: str,
    at: datetime,
) -> list[MessageEvent]:
    """Have something written to a customer, once."""
    if state.queued is not None:
        return []
    queued = MessageQueued(
        occurred_at=at, channel=channel, customer_id=customer_id, lead_id=lead_id, subject=subject, text=text
    )
    return [queued]


def record_sent(state: Message, *, at: datetime) -> list[MessageEvent]:
    """Record that the message was sent, also one that had failed; nothing the second time."""
    _check_known(state)
    return [] if state.sent else [MessageSent(occurred_at=at)]


def record_failed(state: Message, *, reason: str, at: datetime) -> list[MessageEvent]:
    """Record that the message cannot be sent; nothing when it was sent, or had failed before."""
    _check_known(state)
    return [MessageFailed(occurred_at=at, reason=reason)] if state.waits else []


def _check_known(state: Message) -> None:
    if state.queued is None:
        raise MessageNotFound
