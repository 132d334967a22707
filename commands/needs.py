"""What a run of commands will read, told in advance so that it is read in two queries."""

from collections.abc import Sequence
from typing import Any

from commands.command import Command, Context, RecordRefund
from commands.customers import identities
from commands.names import REFUND, SETTINGS, named, stream_named
from domain.ids import id_of

_NAMED = {
    "customer_id": "customer",
    "loser": "customer",
    "survivor": "customer",
    "lead_id": "lead",
    "deal_id": "deal",
    "order_id": "order",
    "invoice_id": "invoice",
    "message_id": "message",
    "pipeline": "pipeline",
}


def needs(asked: Sequence[tuple[Command, Context]]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the streams and the (kind, value) claims that these commands name. Missing one costs a query, no more."""
    streams: set[str] = {SETTINGS}
    claims: set[tuple[str, str]] = set()
    for command, context in asked:
        own = stream_named(command, context)
        if own is not None:
            streams.add(own)
        for name, kind in _NAMED.items():
            ident: Any = getattr(command, name, None)
            if ident is not None:
                streams.add(f"{kind}-{ident}")
        if isinstance(command, RecordRefund):
            refund = named("refund", context, command.source_id)
            streams.add(refund)
            claims.add((REFUND, id_of(refund)))
        profile = getattr(command, "profile", None)
        if profile is not None:
            claims.update(identities(profile, context.source))
            if profile.source_id:
                streams.add(named("customer", context, profile.source_id))
    return streams, claims
