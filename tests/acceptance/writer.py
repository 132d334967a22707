"""A process that asks for commands for as long as it lives and notes each acknowledgement.

    python -m tests.acceptance.writer CONNINFO MASTER_KEY_FILE NOTES

NOTES gets one line for each answer, after it came: command id, position, events. Started again, every thread goes on
with the command it had no answer for, under the same id.
"""

import base64
import os
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import psycopg_pool

from commands.command import CaptureLead, Command, Context, RecordOrder, RecordPayment, RecordRefund
from commands.handle import handle
from domain.customer import Profile
from streams.errors import OutcomeUnknown
from streams.log import Log

THREADS = 4
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def command(number: int, thread: int) -> Command:
    """Return the n-th command of a thread: orders, their payments and refunds, and leads of shared customers."""
    order = f"{thread}-{number - number % 4}"
    match number % 4:
        case 0:
            profile = Profile(email=f"person{number % 40}@example.com", name="Somebody")
            total = Decimal(number % 97) + Decimal("0.10")
            return RecordOrder(
                source_id=order, currency="EUR", total=total, profile=profile, occurred_at=NOON
            )
        case 1:
            return RecordPayment(
                order_source_id=order,
                payment_id=f"p{order}",
                currency="EUR",
                amount=Decimal(5),
                occurred_at=NOON,
            )
        case 2:
            return RecordRefund(
                source_id=f"r{order}",
                order_source_id=order,
                currency="EUR",
                amount=Decimal("0.05"),
                occurred_at=NOON,
            )
        case _:
            return CaptureLead(
                form="contact",
                source_id=order,
                profile=Profile(email=f"person{number % 40}@example.com"),
                occurred_at=NOON,
            )


def work(log: Log, thread: int, first: int, notes: int) -> None:
    """Ask one command after the other; one without an answer is asked again."""
    for number in range(first, 1_000_000):
        name = f"{thread}-{number}"
        context = Context(
            tenant="main", actor="writer", source="shop", now=NOON, command_id=name, correlation_id="load"
        )
        while True:
            try:
                answer = handle(log, command(number, thread), context)
                break
            except (OutcomeUnknown, psycopg.OperationalError, psycopg_pool.PoolTimeout):
                time.sleep(0.05)
        os.write(notes, f"{name} {answer.position} {answer.events}\n".encode())


def main() -> None:
    conninfo, key_file, path = sys.argv[1:]
    told = [line.split(" ") for line in Path(path).read_text().splitlines()] if Path(path).exists() else []
    done = [int(name.split("-")[1]) for name, *_ in told]
    by_thread = {
        thread: max(
            (n for (name, *_), n in zip(told, done, strict=True) if name.startswith(f"{thread}-")), default=-1
        )
        for thread in range(THREADS)
    }
    notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    log = None
    while log is None:
        try:
            log = Log(conninfo, base64.b64decode(Path(key_file).read_text()))
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout):
            time.sleep(0.05)
    threads = [
        threading.Thread(target=work, args=(log, thread, last + 1, notes))
        for thread, last in by_thread.items()
    ]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
