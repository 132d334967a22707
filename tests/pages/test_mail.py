"""Links by mail, to a real mail server."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from api.pages.mail import Smtp, to_console

LINKS = [("main", "https://crm.example.org/sign-in/abc"), ("other", "https://crm.example.org/sign-in/def")]


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail as RFC 5321 has it, without TLS."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken: list[tuple[list[str], bytes]] = []


class Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.say("220 ready")
        people: list[str] = []
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "RCPT":
                people.append(line.partition(":")[2].strip("<>"))
            if verb == "DATA":
                self.say("354 go on")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                server = self.server
                assert isinstance(server, MailServer)
                server.taken.append((people, text))
            self.say("502 not here" if verb == "STARTTLS" else "221 bye" if verb == "QUIT" else "250 well")
            if verb == "QUIT":
                return

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join(10)


def test_a_mail_holds_a_link_for_each_tenant_and_says_how_long_it_is_good(server: MailServer) -> None:
    send = Smtp("127.0.0.1", server.server_address[1], "crm@example.org", security="none")
    send("olga@example.org", LINKS)
    [(people, raw)] = server.taken
    mail = message_from_bytes(raw, policy=policy.default)
    assert people == ["olga@example.org"]
    assert (mail["From"], mail["To"]) == ("crm@example.org", "olga@example.org")
    text = mail.get_content().replace("\r\n", "\n")
    assert all(f"{tenant}:\n{link}" in text for tenant, link in LINKS)
    assert "within 15 minutes" in text


def test_nothing_is_sent_in_plain_where_tls_is_asked_for(server: MailServer) -> None:
    for security in ("starttls", "tls"):
        send = Smtp("127.0.0.1", server.server_address[1], "crm@example.org", security=security)  # type: ignore[arg-type]
        with pytest.raises((OSError, ssl.SSLError)):
            send("olga@example.org", LINKS)
    assert server.taken == []


def test_the_console_is_told_links_but_not_for_whom(capsys: pytest.CaptureFixture[str]) -> None:
    to_console("olga@example.org", LINKS)
    told = capsys.readouterr().err
    assert all(link in told for _, link in LINKS)
    assert "olga" not in told
