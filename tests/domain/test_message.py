from typing import Any

import pytest

from domain import message
from domain.message import MessageFailed, MessageNotFound, MessageSent
from tests.domain.story import given
from tests.examples import ANN, LEAD, QUEUED, at

SENT = MessageSent(occurred_at=at(6))
FAILED = MessageFailed(occurred_at=at(7), reason="mailbox refused")
ASKED: dict[str, Any] = {
    "channel": "email",
    "customer_id": ANN,
    "lead_id": LEAD,
    "subject": QUEUED.subject,
    "text": QUEUED.text,
}


def test_a_message_is_queued_once() -> None:
    given().when(message.queue, **ASKED, at=at(5)).then(QUEUED)
    given(QUEUED).when(message.queue, **ASKED, at=at(6)).then_nothing()


def test_a_message_is_sent_once() -> None:
    given(QUEUED).when(message.record_sent, at=at(6)).then(SENT)
    given(QUEUED, SENT).when(message.record_sent, at=at(8)).then_nothing()


def test_a_message_fails_once_and_never_after_it_was_sent() -> None:
    given(QUEUED).when(message.record_failed, reason="mailbox refused", at=at(7)).then(FAILED)
    given(QUEUED, FAILED).when(message.record_failed, reason="again", at=at(8)).then_nothing()
    given(QUEUED, SENT).when(message.record_failed, reason="again", at=at(8)).then_nothing()


def test_a_message_that_had_failed_may_have_been_sent_after_all() -> None:
    given(QUEUED, FAILED).when(message.record_sent, at=at(6)).then(SENT)


@pytest.mark.parametrize("decision", [message.record_sent, message.record_failed])
def test_nothing_becomes_of_a_message_that_nobody_queued(decision: Any) -> None:
    more = {"reason": "mailbox refused"} if decision is message.record_failed else {}
    given().when(decision, at=at(6), **more).then_refuses(MessageNotFound)
