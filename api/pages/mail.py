"""How a link to sign in reaches a person: by e-mail, or by the console of whoever runs the service."""

import smtplib
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

Send = Callable[[str, list[tuple[str, str]]], None]
"""Sends (tenant, address of a link) pairs to an e-mail address."""

Security = Literal["starttls", "tls", "none"]
_PATIENCE = 20.0  # seconds


def to_console(_address: str, links: list[tuple[str, str]]) -> None:
    """Write the links, but not for whom they are, to standard error."""
    for tenant, link in links:
        sys.stderr.write(f"sign in to {tenant} (once, within 15 minutes): {link}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Smtp:
    """Sends by a mail server, over TLS unless it is told not to."""

    host: str
    port: int
    sender: str
    security: Security = "starttls"
    user: str | None = None
    password: str | None = None

    def __call__(self, address: str, links: list[tuple[str, str]]) -> None:
        """Send the links. Raises OSError or smtplib.SMTPException where that fails."""
        with self._connected() as server:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
            server.send_message(self._message(address, links))

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=_PATIENCE)

    def _message(self, address: str, links: list[tuple[str, str]]) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = "Your link to sign in to Backstory"
        message["From"] = self.sender
        message["To"] = address
        message["Auto-Submitted"] = "auto-generated"
        places = "\n\n".join(f"{tenant}:\n{link}" for tenant, link in links)
        message.set_content(
            f"Open this link within 15 minutes to sign in. It works once.\n\n{places}\n\n"
            "Was it not you who asked? Then do nothing: without the link nobody gets in.\n"
        )
        return message
