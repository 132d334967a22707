"""Cursors: the place where a page ended, signed, so that they are opaque and bound to their list."""

import base64
import binascii
import hmac
from typing import NamedTuple

import msgspec

from api.http.errors import Problem
from streams.keyring import Keyring

_SIGNATURE = 16


class Place(NamedTuple):
    """The last row of a page: the value it is ordered by, as text, and its key."""

    value: str | None
    key: str


def write_cursor(keyring: Keyring, about: str, place: Place) -> str:
    """Return the cursor of a place in the list that `about` describes."""
    told = msgspec.json.encode(place)
    return base64.urlsafe_b64encode(_signature(keyring, about, told) + told).decode().rstrip("=")


def read_cursor(keyring: Keyring, about: str, cursor: str) -> Place:
    """Return the place of a cursor. Raises Problem 400 for one that was not written for this list."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        packed = b""
    signature, told = packed[:_SIGNATURE], packed[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(keyring, about, told)):
        raise Problem(400, "cursor-invalid", "The cursor is not one of this list with these filters.")
    return msgspec.json.decode(told, type=Place)


def _signature(keyring: Keyring, about: str, told: bytes) -> bytes:
    return keyring.digest("cursor", about, told.decode("latin-1"))[:_SIGNATURE]
