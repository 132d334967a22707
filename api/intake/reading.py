"""A Kafka record as the CloudEvent that it carries, in binary or in structured mode."""

from collections.abc import Iterable

from api.http.errors import Problem, malformed
from api.http.v1.limits import MOST_BYTES
from api.http.v1.strict import decode

_STRUCTURED = "application/cloudevents+json"
_PREFIX = "ce_"
_KIND = "content-type"


def told(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> object:
    """Return the event that a record tells, not checked yet. Raises Problem: the header or field, and the rule."""
    if len(value or b"") > MOST_BYTES:
        raise Problem(413, "too-large", f"A body has at most {MOST_BYTES:,} bytes.", limit=MOST_BYTES)
    texts = _texts(headers)
    kind, _, parameters = texts.get(_KIND, "application/json").lower().partition(";")
    name, _, charset = parameters.strip().partition("=")
    if name == "charset" and charset.strip('" ') not in {"utf-8", "utf8"}:
        raise Problem(400, "wrong-encoding", "JSON is UTF-8.")
    if kind.strip() == _STRUCTURED:
        return decode(value or b"")
    if kind.strip() != "application/json":
        title = "The body is of a type that is not read here."
        raise Problem(415, "unsupported-media-type", title, takes=["application/json", _STRUCTURED])
    attributes = {name.removeprefix(_PREFIX): text for name, text in texts.items() if name != _KIND}
    return {**attributes, "data": decode(value or b"")}


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Return the headers that are an event's own; everyone may add others."""
    found: dict[str, str] = {}
    for name, given in headers:
        known = name.lower()
        if known != _KIND and not known.startswith(_PREFIX):
            continue
        if known in found:
            raise malformed([{"loc": ("header", known), "msg": "given once"}])
        try:
            found[known] = (given or b"").decode()
        except UnicodeDecodeError:
            raise malformed([{"loc": ("header", known), "msg": "UTF-8"}]) from None
        if "\0" in found[known]:
            raise malformed([{"loc": ("header", known), "msg": "no NUL character"}])
    return found
