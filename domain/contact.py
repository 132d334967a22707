"""E-mail addresses and phone numbers as identities: written differently, yet the same."""

import re

from domain.errors import InvalidValue

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")
_PHONE = re.compile(r"\+?[0-9 ()./\-\u00a0\u2010-\u2013]+")
_FEWEST, _MOST = 5, 15  # digits; E.164 allows 15


def email_key(email: str) -> str:
    """Return an e-mail address as it identifies a person: without outer blanks, case folded; "" for a blank.

    Raises InvalidValue, which does not repeat the address, for one without a single @ and a domain.
    """
    key = email.strip().casefold()
    if key and not _EMAIL.fullmatch(key):
        raise InvalidValue(field="email", rule="an e-mail address such as ann@example.org")
    return key


def phone_key(phone: str) -> str:
    """Return a phone number as it identifies a person: its digits, after + if international; "" for a blank.

    A national number keeps no +, so it never equals another country's. Raises InvalidValue, which does not
    repeat the number, for letters or for fewer than 5 or more than 15 digits.
    """
    written = phone.strip()
    if not written:
        return ""
    digits = re.sub(r"[^0-9]", "", written)
    if not _PHONE.fullmatch(written) or not _FEWEST <= len(digits.removeprefix("00")) <= _MOST:
        raise InvalidValue(field="phone", rule="a phone number such as +44 20 7946 0958")
    if written.startswith("+"):
        return "+" + re.sub(r"[^0-9]", "", written.replace("(0)", "", 1))
    return "+" + digits.removeprefix("00") if digits.startswith("00") else digits
