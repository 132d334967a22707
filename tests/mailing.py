"""A mail server for tests: real SMTP, on a port of its own."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail as RFC 5321 has it, without TLS; `refuses` is its answer to recipients or None."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken: list[tuple[list[str], bytes]] = []
        self.refuses: str | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def mails(self) -> list[EmailMessage]:
        """Return what was taken."""
        return [message_from_bytes(raw, policy=policy.default) for _, raw in self.taken]


class Talk(socketserver.StreamRequestHandler):
    """A conversation with who sends."""

    server: MailServer

    def handle(self) -> None:
        """Talk until the other one quits or hangs up."""
        with suppress(ConnectionError):
            self.talk()

    def talk(self) -> None:
        """Talk until the other one quits. Raises ConnectionError when it hangs up."""
        self.say("220 ready")
        people: list[str] = []
        while line := self.rfile.readline().decode(errors="replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "RCPT" and self.server.refuses:
                self.say(self.server.refuses)
                continue
            if verb == "RCPT":
                people.append(line.partition(":")[2].strip("<>"))
            if verb == "DATA":
                self.say("354 go on")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                self.server.taken.append((people, text))
            self.say("502 not here" if verb == "STARTTLS" else "221 bye" if verb == "QUIT" else "250 well")
            if verb == "QUIT":
                return

    def say(self, line: str) -> None:
        """Say a line."""
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server meanwhile."""
    with MailServer() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join(10)
