"""The mail server, for links to sign in and for messages to customers."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from api.failures import Misuse
from api.settings import Settings

Security = Literal["starttls", "tls", "none"]
_PATIENCE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Smtp:
    """Sends by a mail server, over TLS unless it is told not to."""

    host: str
    port: int
    sender: str
    security: Security = "starttls"
    user: str | None = None
    password: str | None = None

    def send(self, address: str, message: EmailMessage) -> None:
        """Send a message to an address.

        Raises OSError or smtplib.SMTPException where that fails, ValueError where the address is none.
        """
        message["From"] = self.sender
        message["To"] = address
        with self._connected() as server:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
            server.send_message(message, to_addrs=[address])

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=_PATIENCE)


def mail_server(settings: Settings) -> Smtp | None:
    """Return the mail server that is set, or None. Raises Misuse for half a configuration."""
    if settings.smtp_host is None:
        return None
    if settings.smtp_from is None:
        raise Misuse("--smtp-from: is needed with --smtp-host: the address that mail is sent from")
    password = settings.smtp_password
    return Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=None if password is None else password.get_secret_value(),
    )
