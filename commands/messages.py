"""Messages to customers: what became of them, and where they go."""

from commands.command import Context, RecordMessageFailed, RecordMessageSent
from commands.desk import Desk
from domain import message
from domain.customer import Customer


def record_sent(desk: Desk, command: RecordMessageSent, context: Context) -> str:
    """Record that a message was sent."""
    stream = f"message-{command.message_id}"
    desk.append(stream, message.record_sent(desk.state(stream), at=context.now))
    return command.message_id


def record_failed(desk: Desk, command: RecordMessageFailed, context: Context) -> str:
    """Record that a message cannot be sent."""
    stream = f"message-{command.message_id}"
    desk.append(stream, message.record_failed(desk.state(stream), reason=command.reason, at=context.now))
    return command.message_id


def address_of(desk: Desk, customer_id: str) -> str | None:
    """Return a customer's e-mail address: that of who stands for it, else its own; None when there is none."""
    own: Customer = desk.state(f"customer-{customer_id}")
    standing = own
    while standing.merged_into is not None:
        standing = desk.state(f"customer-{standing.merged_into}")
    return standing.value("email") or own.value("email")
