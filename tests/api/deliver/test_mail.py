"""Queued messages reach a real mail server, what became of them is recorded, and a replay sends nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.deliver.leads import Leads
from api.deliver.mail import Mailer, waiting
from api.mail import Smtp
from commands.command import ForgetCustomer, RecordCustomer
from domain.customer import Emptying, Profile
from domain.message import MessageFailed
from projections.projector import Projector
from projections.schema import prepare
from replay.rebuild import rebuild
from streams.log import Log
from streams.records import Recorded
from tests.api.deliver.test_leads import HANDLING, ask, enquiry
from tests.mailing import MailServer, mail_server

NOW = timedelta(0)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def mailer(log: Log, mails: MailServer) -> Mailer:
    """One that tries twice more, at once."""
    return Mailer(log, smtp(mails), print, pauses=(NOW, NOW))


def smtp(mails: MailServer) -> Smtp:
    return Smtp("127.0.0.1", mails.port, "Tea House <tea@example.com>", security="none")


@pytest.fixture
def queued(log: Log) -> Callable[[str], Recorded]:
    """Have someone enquire, and return the event that queued the reply."""
    leads = Leads(log, print)
    leads.look()
    ask(log, HANDLING)

    def queue(who: str) -> Recorded:
        ask(log, enquiry(who))
        leads.look()
        return next(one for one in reversed(log.read(0, 1000)) if one.type == "message-queued.v1")

    return queue


def work(mailer: Mailer) -> None:
    while mailer.look():
        pass


def became(log: Log, queued: Recorded) -> list[str]:
    """Return what became of a message, as types of events."""
    return [one.type for one in log.stream("main", queued.stream)][1:]


def reason(log: Log, queued: Recorded) -> str:
    event = log.stream("main", queued.stream)[-1].event
    assert isinstance(event, MessageFailed)
    return event.reason


def test_a_queued_message_is_sent_and_that_is_recorded(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    message = queued("ann")
    work(mailer)
    [(people, _)], [mail] = mails.taken, mails.mails()
    assert people == ["ann@example.org"]
    assert (mail["To"], mail["From"]) == ("ann@example.org", "Tea House <tea@example.com>")
    assert (mail["Subject"], mail.get_content().strip()) == ("Thank you", "We call you.")
    assert mail["Message-ID"] == f"<{message.event_id}@example.com>"
    assert became(log, message) == ["message-sent.v1"]
    work(mailer)
    assert len(mails.taken) == 1


def test_a_message_is_sent_again_under_the_same_id_where_it_is_not_noted_that_it_was(
    log: Log,
    mailer: Mailer,
    mails: MailServer,
    queued: Callable[[str], Recorded],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = queued("ann")

    def cut(*_: Any) -> None:
        raise ConnectionAbortedError

    monkeypatch.setattr("api.deliver.mail.handle", cut)
    with pytest.raises(ConnectionAbortedError):
        work(mailer)
    monkeypatch.undo()
    work(mailer)
    first, second = mails.mails()
    assert first["Message-ID"] == second["Message-ID"]
    assert became(log, message) == ["message-sent.v1"]


def test_what_was_sent_is_never_sent_again_though_all_that_was_noted_beside_the_log_is_lost(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    queued("ann")
    work(mailer)
    waits = queued("bob")
    with log.connection() as connection:
        connection.execute("DELETE FROM log.jobs")
        connection.execute("DELETE FROM log.outgoing")
    work(mailer)
    assert [people for people, _ in mails.taken] == [["ann@example.org"], ["bob@example.org"]]
    assert became(log, waits) == ["message-sent.v1"]


def test_a_message_that_the_server_cannot_take_now_is_tried_again_and_then_given_up(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    message = queued("ann")
    mails.refuses = "450 come back later"
    assert mailer.look()
    mails.refuses = None
    work(mailer)
    assert (len(mails.taken), became(log, message)) == (1, ["message-sent.v1"])
    mails.refuses = "450 come back later"
    message = queued("bob")
    work(mailer)
    assert became(log, message) == ["message-failed.v1"]
    assert reason(log, message) == "the mail server did not take it"


def test_while_the_server_is_away_messages_wait(log: Log, queued: Callable[[str], Recorded]) -> None:
    message = queued("ann")
    nowhere = Mailer(log, Smtp("127.0.0.1", 1, "tea@example.com", security="none"), print)
    assert nowhere.look()
    assert not nowhere.look(), "it waits a minute"
    assert became(log, message) == []


def test_messages_that_nobody_has_tried_are_counted(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    def counted(since: timedelta) -> int:
        with log.connection() as connection:
            return waiting(connection, since)

    assert not mailer.look()
    queued("ann")
    assert (counted(NOW), counted(timedelta(minutes=1))) == (1, 0), "queued, and not taken in"
    mails.refuses = "450 come back later"
    assert mailer.look()
    assert (counted(NOW), counted(timedelta(minutes=1))) == (1, 0), "to be tried again"
    mails.refuses = None
    work(mailer)
    assert counted(NOW) == 0


def test_a_mailbox_that_is_refused_for_good_is_not_tried_again(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    message = queued("ann")
    mails.refuses = "550 no such user"
    work(mailer)
    assert (became(log, message), reason(log, message)) == (["message-failed.v1"], "mailbox refused")


def test_nothing_is_sent_to_someone_who_was_forgotten_or_has_no_address_any_more(
    log: Log, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    forgotten = queued("ann")
    assert forgotten.customer_id is not None
    ask(log, ForgetCustomer(customer_id=forgotten.customer_id, reason="asked"))
    emptied = queued("bob")
    gone = RecordCustomer(customer_id=emptied.customer_id, profile=Emptying(emptied=("email",)))
    ask(log, gone)
    moved = queued("eve")
    ask(log, RecordCustomer(customer_id=moved.customer_id, profile=Profile(email="eva@example.org")))
    work(mailer)
    assert reason(log, forgotten) == "the person was forgotten"
    assert reason(log, emptied) == "there is no e-mail address"
    assert [people for people, _ in mails.taken] == [["eva@example.org"]]


def test_without_a_mail_server_nothing_is_said_to_be_sent(
    log: Log, queued: Callable[[str], Recorded]
) -> None:
    message = queued("ann")
    work(Mailer(log, None, print))
    assert reason(log, message) == "no mail server is set"


def test_folding_and_rebuilding_every_read_model_sends_nothing(
    log: Log, database: str, mailer: Mailer, mails: MailServer, queued: Callable[[str], Recorded]
) -> None:
    queued("ann")
    work(mailer)
    before = log.head()
    prepare(database)
    Projector(log, database).catch_up()
    rebuild(log, ["timeline", "links"], workers=1)
    work(mailer)
    assert len(mails.taken) == 1
    types = {one.type for one in log.read(before, 100)}
    assert types <= {"read-model-rebuilt.v1"}
