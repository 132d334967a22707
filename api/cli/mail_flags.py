"""The flags that name a mail server, the same for every command that takes them."""

import argparse

from api.settings import Settings


def add_mail(parser: argparse.ArgumentParser) -> None:
    """Declare --smtp-host and what belongs to it; no flag sets the password."""
    for name in ("smtp-host", "smtp-port", "smtp-user", "smtp-from", "smtp-security"):
        parser.add_argument(f"--{name}", help=Settings.model_fields[name.replace("-", "_")].description)
