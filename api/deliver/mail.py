"""Mail to customers: what is queued in the log is sent, and what became of it is recorded.

A message is sent at least once: one that was sent when the process was killed before it could note so is sent again,
under the same Message-ID. One whose sending is in the log is never sent again, whatever else was lost.
"""

import smtplib
from collections.abc import Callable, Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, NamedTuple

import psycopg

from api.deliver.following import Told, because_of, take_in, untaken
from api.mail import Smtp
from commands.command import Command, RecordMessageFailed, RecordMessageSent
from commands.desk import Desk
from commands.handle import handle
from commands.messages import address_of
from domain.event import stored_as
from domain.ids import id_of
from domain.message import Message, MessageQueued
from streams.log import Log

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440))
"""How long a message waits after each attempt that the mail server did not take; after the last it has failed."""

_JOB, _QUEUED = "mail", stored_as(MessageQueued).name
_FINAL = 500  # and above: an answer that is the mail server's last word (RFC 5321)
_DUE = (
    "SELECT o.event_id::text, o.tenant, o.stream, o.attempts, e.correlation_id FROM log.outgoing o "
    "JOIN log.events e ON e.tenant = o.tenant AND e.stream = o.stream AND e.version = 1 "
    "WHERE o.due_at <= clock_timestamp() ORDER BY o.due_at LIMIT 1 FOR UPDATE OF o SKIP LOCKED"
)


class Unsendable(Exception):
    """The message can never be sent; its text says why and names nobody."""


class _Due(NamedTuple):
    event_id: str
    tenant: str
    stream: str
    attempts: int
    correlation_id: str | None


class Mailer:
    """Sends queued messages by a mail server; without one they fail.

    `tell` is given a line for people. Several may run: each message is one process's at a time.
    """

    def __init__(
        self,
        log: Log,
        server: Smtp | None,
        tell: Callable[[str], object],
        pauses: Sequence[timedelta] = PAUSES,
    ) -> None:
        self._log = log
        self._server = server
        self._tell = tell
        self._pauses = pauses

    def look(self) -> bool:
        """Take in what is newly queued and send one message that is due; return whether there is more to do."""
        more = take_in(self._log, _JOB, _QUEUED, _note)
        return self._send_one() or more

    def _send_one(self) -> bool:
        """Send the message that has been due for longest; False where none is. While it lasts nobody else has it."""
        with self._log.connection() as connection, connection.transaction():
            row = connection.execute(_DUE).fetchone()
            if row is None:
                return False
            due = _Due(*row)
            pause = self._attempt(due)
            if pause is None:
                connection.execute("DELETE FROM log.outgoing WHERE event_id = %s", (due.event_id,))
            else:
                connection.execute(
                    "UPDATE log.outgoing SET attempts = attempts + 1, due_at = clock_timestamp() + %s "
                    "WHERE event_id = %s",
                    (pause, due.event_id),
                )
        return True

    def _attempt(self, due: _Due) -> timedelta | None:
        """Try a message, if it still waits; return how long it has to wait for the next attempt, None for no more."""
        desk = Desk(self._log, due.tenant)
        state: Message = desk.state(due.stream)
        if state.queued is None or not state.waits:
            return None
        message_id = id_of(due.stream)
        try:
            self._send(desk, state.queued, due.event_id)
        except Unsendable as cause:
            self._record(due, RecordMessageFailed(message_id=message_id, reason=str(cause)), "failed")
            return None
        except (OSError, smtplib.SMTPException) as cause:
            if due.attempts < len(self._pauses):
                pause = self._pauses[due.attempts]
                self._tell(f"the mail server did not take a message: {_kind(cause)}; again in {pause}")
                return pause
            reason = "the mail server did not take it"
            self._record(due, RecordMessageFailed(message_id=message_id, reason=reason), "failed")
            return None
        self._record(due, RecordMessageSent(message_id=message_id), "sent")
        return None

    def _send(self, desk: Desk, queued: MessageQueued, event_id: str) -> None:
        """Send a message to where its customer is reached now. Raises Unsendable, or what may pass."""
        if desk.state(f"customer-{queued.customer_id}").erased:
            raise Unsendable("the person was forgotten")
        address = address_of(desk, queued.customer_id)
        if address is None:
            raise Unsendable("there is no e-mail address")
        if self._server is None:
            raise Unsendable("no mail server is set")
        try:
            self._server.send(address, _mail(queued, event_id, self._server.sender))
        except (ValueError, smtplib.SMTPNotSupportedError) as cause:
            raise Unsendable("the e-mail address cannot be used") from cause
        except smtplib.SMTPRecipientsRefused as cause:
            if all(code >= _FINAL for code, _ in cause.recipients.values()):
                raise Unsendable("mailbox refused") from cause
            raise
        except smtplib.SMTPDataError as cause:
            if cause.smtp_code >= _FINAL:
                raise Unsendable("the mail server refused it") from cause
            raise

    def _record(self, due: _Due, command: Command, became: str) -> None:
        handle(self._log, command, because_of(due.event_id, due.tenant, became, due.correlation_id))


def waiting(connection: psycopg.Connection[Any], since: timedelta) -> int:
    """Return how many messages should have been tried so long ago."""
    row = connection.execute(
        "SELECT count(*) FROM log.outgoing WHERE due_at < clock_timestamp() - %s", (since,)
    ).fetchone()
    return untaken(connection, _JOB, _QUEUED, since) + (int(row[0]) if row else 0)


def _note(connection: psycopg.Connection[Any], told: Sequence[Told]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO log.outgoing (event_id, tenant, stream) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(queued.event_id, queued.tenant, queued.stream) for queued in told],
        )


def _mail(queued: MessageQueued, event_id: str, sender: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = queued.subject
    mail["Date"] = format_datetime(queued.occurred_at)
    mail["Message-ID"] = f"<{event_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(queued.text)
    return mail


def _kind(cause: Exception) -> str:
    code = getattr(cause, "smtp_code", None)
    return f"{type(cause).__name__} {code}" if code else type(cause).__name__
