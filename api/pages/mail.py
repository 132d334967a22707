"""How a link to sign in reaches a person: by e-mail, or by the console of whoever runs the service."""

import sys
from collections.abc import Callable
from email.message import EmailMessage

from api.mail import Smtp

Send = Callable[[str, list[tuple[str, str]]], None]
"""Sends (tenant, address of a link) pairs to an e-mail address."""


def to_console(_address: str, links: list[tuple[str, str]]) -> None:
    """Write the links, but not for whom they are, to standard error."""
    for tenant, link in links:
        sys.stderr.write(f"sign in to {tenant} (once, within 15 minutes): {link}\n")
    sys.stderr.flush()


def by_mail(server: Smtp) -> Send:
    """Return what sends links by a mail server; it raises what the server's `send` raises."""

    def send(address: str, links: list[tuple[str, str]]) -> None:
        server.send(address, _message(links))

    return send


def _message(links: list[tuple[str, str]]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Your link to sign in to Backstory"
    message["Auto-Submitted"] = "auto-generated"
    places = "\n\n".join(f"{tenant}:\n{link}" for tenant, link in links)
    message.set_content(
        f"Open this link within 15 minutes to sign in. It works once.\n\n{places}\n\n"
        "Was it not you who asked? Then do nothing: without the link nobody gets in.\n"
    )
    return message
