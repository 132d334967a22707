"""The requests that the benchmark `http` sends, ready as bytes."""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

_AT = "2026-03-01T09:30:00Z"
STAGES = ("Qualified", "Proposal")


def order(tag: str, n: int) -> dict[str, Any]:
    """Return an order of two lines by one of a thousand customers."""
    return {
        "source_id": f"{tag}-{n}",
        "currency": "EUR",
        "total": "54.80",
        "shipping": "4.90",
        "lines": [
            {"sku": "TEA-1", "title": "Green tea", "quantity": 2, "unit_price": "12.50"},
            {"sku": "POT-3", "title": "Teapot", "quantity": 1, "unit_price": "24.90"},
        ],
        "customer": {"email": f"customer{n % 1000}@example.org", "name": f"Customer {n % 1000}"},
        "occurred_at": _AT,
    }


def lead(tag: str, n: int) -> dict[str, Any]:
    """Return an enquiry by someone who was not known."""
    return {
        "form": "contact",
        "customer": {"email": f"{tag}-{n}@example.org", "name": f"Someone {n}"},
        "touch": {"source": "google", "medium": "cpc", "campaign": "spring"},
        "fields": {"budget": "10-20k", "message": "Please call me back."},
        "occurred_at": _AT,
    }


def requests(kind: str, secret: str, tag: str, ids: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield requests of a kind for ever, no two alike."""
    for n in count():
        key = f"{tag}-{n}"
        match kind:
            case "bare":
                yield _post("/bare", {"kind": "order", "data": order(tag, n)}, secret, key)
            case "leads":
                yield _post("/v1/leads", lead(tag, n), secret, key)
            case "orders":
                yield _post("/v1/orders", order(tag, n), secret, key)
            case "stage":
                turn, which = divmod(n, len(ids))
                path = f"/v1/deals/{ids[which]}/stage"
                yield _post(path, {"stage": STAGES[turn % len(STAGES)]}, secret, key)
            case _:
                event = {"specversion": "1.0", "id": key, "source": "shop", "type": "order-placed.v1"}
                yield _post(
                    "/v1/events",
                    {**event, "time": _AT, "data": order(tag, n)},
                    secret,
                    key,
                    "application/cloudevents+json",
                )


def _post(path: str, body: object, secret: str, key: str, kind: str = "application/json") -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
