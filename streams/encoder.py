"""From a request to a ticket: the JSON rows that log.append takes, made in the thread that asks."""

import itertools
import os
from collections.abc import Iterable, Sequence

import msgspec

from streams.codec import Codec
from streams.keyring import Keyring
from streams.records import Append, Change, Claim
from streams.routing import partition_of, subject_of
from streams.ticket import Place, Ticket

encode = msgspec.json.encode


class Encoder:
    """Numbers and encodes the requests of one open log."""

    def __init__(self, keyring: Keyring, codec: Codec, partitions: int) -> None:
        self.numbers = itertools.count()
        self._keyring = keyring
        self._codec = codec
        self._partitions = partitions

    def partition_of(self, tenant: str, routing_key: str) -> int:
        """Return the partition of a routing key, the same everywhere and for ever."""
        return partition_of(tenant, routing_key, self._partitions)

    def ticket(self, append: Append) -> Ticket:
        """Encode a request, its personal fields sealed."""
        number = next(self.numbers)
        tenant, asked = append.tenant, append.asked
        first = append.changes[0] if append.changes else None
        ticket = Ticket(
            number=number,
            version=first.expected + len(first.events) if first else 0,
            answer=asked.answer if asked else {},
        )
        for change in append.changes:
            self._add_events(append, change, ticket)
        if append.claims or append.releases or append.release_streams:
            self._add_claims(append, ticket)
        if append.destroy:
            ticket.parts["destroy"] = _each([tenant, subject] for subject in append.destroy)
        if append.reopen:
            ticket.parts["reopen"] = _each([tenant, reopened] for reopened in append.reopen)
        if asked is not None:
            ticket.alone.add((tenant, "", asked.command_id))
            ticket.command_id = asked.command_id
            ticket.fingerprint = asked.fingerprint.hex()
            answer = {"version": ticket.version, "answer": asked.answer}
            ticket.command = encode(
                [number, tenant, asked.command_id, ticket.fingerprint, answer, ticket.events]
            )
        return ticket

    def _add_events(self, append: Append, change: Change, ticket: Ticket) -> None:
        tenant, stream, customer_id = append.tenant, change.stream, change.customer_id
        subject = subject_of(stream, customer_id)
        partition = change.partition
        if partition is None:
            partition = self.partition_of(tenant, subject)
        command_id = append.asked.command_id if append.asked else None
        version = change.expected
        rows = []
        for event in change.events:
            version += 1
            name, data = self._codec.encode(tenant, subject, event)
            event_id = new_event_id()
            if ticket.proof is None:
                ticket.proof = (tenant, stream, version, event_id)
            rows.append(
                (
                    tenant,
                    stream,
                    version,
                    name,
                    event_id,
                    customer_id,
                    partition,
                    event.occurred_at,
                    append.actor,
                    append.source,
                    command_id,
                    append.correlation_id,
                    append.causation_id,
                    msgspec.Raw(data),
                )
            )
        check = encode((ticket.number, tenant, stream, change.expected))
        ticket.streams[tenant, stream] = Place(change.expected, version, check)
        ticket.events += len(rows)
        if rows:
            ticket.add("events", encode(rows)[1:-1])

    def _add_claims(self, append: Append, ticket: Ticket) -> None:
        tenant = append.tenant

        def digest(claim: Claim) -> str:
            found = self._keyring.digest(tenant, claim.kind, claim.value).hex()
            ticket.alone.add((tenant, claim.kind, found))
            return found

        if append.claims:
            ticket.parts["claims"] = _each(
                [ticket.number, tenant, claim.kind, digest(claim), claim.stream] for claim in append.claims
            )
        releases: list[list[str | None]] = [
            [tenant, claim.stream, claim.kind, digest(claim)] for claim in append.releases
        ]
        releases += [[tenant, stream, None, None] for stream in append.release_streams]
        if releases:
            ticket.parts["releases"] = _each(releases)


def _each(rows: Iterable[Sequence[object]]) -> bytes:
    return b",".join(encode(row) for row in rows)


def new_event_id() -> str:
    """Return a random (version 4) UUID as 32 hex digits, at a quarter of the price of uuid4."""
    digits = os.urandom(16).hex()
    return f"{digits[:12]}4{digits[13:16]}a{digits[17:]}"
