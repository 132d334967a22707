"""Links by mail, to a real mail server."""

import ssl
from collections.abc import Iterator

import pytest

from api.mail import Smtp
from api.pages.mail import by_mail, to_console
from tests.mailing import MailServer, mail_server

LINKS = [("main", "https://crm.example.org/sign-in/abc"), ("other", "https://crm.example.org/sign-in/def")]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


def test_a_mail_holds_a_link_for_each_tenant_and_says_how_long_it_is_good(server: MailServer) -> None:
    send = by_mail(Smtp("127.0.0.1", server.port, "crm@example.org", security="none"))
    send("olga@example.org", LINKS)
    [(people, _)] = server.taken
    [mail] = server.mails()
    assert people == ["olga@example.org"]
    assert (mail["From"], mail["To"]) == ("crm@example.org", "olga@example.org")
    text = mail.get_content().replace("\r\n", "\n")
    assert all(f"{tenant}:\n{link}" in text for tenant, link in LINKS)
    assert "within 15 minutes" in text


def test_nothing_is_sent_in_plain_where_tls_is_asked_for(server: MailServer) -> None:
    for security in ("starttls", "tls"):
        send = by_mail(Smtp("127.0.0.1", server.port, "crm@example.org", security=security))  # type: ignore[arg-type]
        with pytest.raises((OSError, ssl.SSLError)):
            send("olga@example.org", LINKS)
    assert server.taken == []


def test_the_console_is_told_links_but_not_for_whom(capsys: pytest.CaptureFixture[str]) -> None:
    to_console("olga@example.org", LINKS)
    told = capsys.readouterr().err
    assert all(link in told for _, link in LINKS)
    assert "olga" not in told
