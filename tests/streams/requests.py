"""Requests to the log, as short as the rules they test."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from domain.customer import NameChanged
from domain.event import Event
from domain.order import PaymentReceived
from streams.errors import LogRefusal
from streams.records import Append, Appended, Asked, Change, Claim

NOW = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")


def paid(amount: int = 1) -> PaymentReceived:
    return PaymentReceived(occurred_at=NOW, payment_id=str(amount), currency="EUR", amount=Decimal(amount))


def named(name: str) -> NameChanged:
    return NameChanged(occurred_at=NOW, name=name, source="shop")


def append(stream: str, expected: int, *events: Event, tenant: str = "main", **more: Any) -> Append:
    change = Change(stream=stream, expected=expected, events=events or (paid(),))
    return Append(tenant=tenant, actor="ann", source="test", changes=[change], **more)


def asked(command_id: str, content: str = "", **answer: object) -> Asked:
    return Asked(command_id=command_id, fingerprint=content.encode(), answer=answer)


def email(value: str, stream: str) -> Claim:
    return Claim(kind="email", value=value, stream=stream)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | LogRefusal]:
    """Make all calls at the same moment; return what each gave or was refused with."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | LogRefusal:
        barrier.wait()
        try:
            return call()
        except LogRefusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def won(outcomes: Sequence[object]) -> list[Appended]:
    return [outcome for outcome in outcomes if isinstance(outcome, Appended)]
