"""Customers: finding or registering who a report is about, and what people may ask of a customer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from itertools import chain

from commands.command import (
    Context,
    ForgetCustomer,
    GiveConsent,
    MergeCustomers,
    RecordCustomer,
    SettleConflict,
    UnmergeCustomer,
    WithdrawConsent,
)
from commands.desk import Desk
from commands.names import SETTINGS, named
from domain import customer
from domain.customer import CustomerEvent, Identity, IdentityLinked, Profile
from domain.errors import InvalidValue
from domain.ids import id_of
from domain.record import PersonalDataErased


def identities(profile: Profile, source: str) -> list[tuple[str, str]]:
    """Return the (kind, value) claims by which a profile is found: the source's id, then e-mail, then phone."""
    found: list[tuple[str, str]] = []
    if profile.source_id:
        found.append((f"external:{source}", profile.source_id))
    for kind, key, value in (
        ("email", customer.email_key, profile.email),
        ("phone", customer.phone_key, profile.phone),
    ):
        try:
            wellformed = key(value) if value else None
        except InvalidValue:
            continue
        if wellformed:
            found.append((kind, wellformed))
    return found


def record(desk: Desk, command: RecordCustomer, context: Context) -> str:
    """Record what a source knows of a customer."""
    if command.customer_id is not None:
        stream = f"customer-{command.customer_id}"
        if desk.load(stream).version == 0:
            raise customer.CustomerNotFound(customer_id=command.customer_id)
    else:
        stream = _holder(desk, command.profile, context) or _unnamed(desk, command.profile, context)
    desk.expect(stream, context.expected)
    _report(desk, stream, command.profile, context, command.occurred_at or context.now)
    return id_of(stream)


def find_or_register(desk: Desk, profile: Profile | None, context: Context, at: datetime) -> str | None:
    """Return the id of the customer whom a report names, registered if new; None when it names nobody."""
    if profile is None or not identities(profile, context.source):
        return None
    stream = _holder(desk, profile, context) or _unnamed(desk, profile, context)
    _report(desk, stream, profile, context, at)
    return id_of(stream)


def _holder(desk: Desk, profile: Profile, context: Context) -> str | None:
    for kind, value in identities(profile, context.source):
        stream = desk.holder(kind, value)
        if stream is not None:
            return stream
    return None


def _unnamed(desk: Desk, profile: Profile, context: Context) -> str:
    """Return the stream of a customer nobody holds: named by the source's id, but never one that was forgotten."""
    if profile.source_id:
        stream = named("customer", context, profile.source_id)
        if not desk.state(stream).erased:
            return stream
    return desk.fresh("customer")


def _report(desk: Desk, stream: str, profile: Profile, context: Context, at: datetime) -> None:
    wellformed = _wellformed(desk, profile)
    if desk.state(stream).erased:  # its key is gone: what is told of the person is forgotten at once
        wellformed = replace(wellformed, source_id=None, **dict.fromkeys(customer.PERSONAL))
    owners = desk.state(SETTINGS).owners
    events = customer.report(
        desk.state(stream), profile=wellformed, source=context.source, at=at, owners=owners
    )
    if events:
        _append(desk, stream, events, at)


def _append(desk: Desk, stream: str, events: Sequence[CustomerEvent], at: datetime) -> None:
    """Record events of a customer, who then holds exactly what finds it: what another has is noted as taken."""
    before = desk.state(stream)
    found = before.known_by()
    taken: dict[Identity, list[CustomerEvent]] = {}
    for identity in sorted(reduce(customer.evolve, events, before).known_by() - found):
        claim, (kind, value, source) = claim_of(identity), identity
        holder = desk.holder(*claim)
        if holder is None or holder == stream:
            desk.claim(*claim, stream)
            continue
        desk.draft.anomalies.add("identity-taken")
        taken[identity] = customer.identity_taken(
            before, kind=kind, value=value, source=source, holder=id_of(holder), at=at
        )
    told = [
        event
        for event in events
        if not (isinstance(event, IdentityLinked) and (event.kind, event.value, event.source) in taken)
    ]
    desk.append(stream, [*told, *chain(*taken.values())], customer_id=id_of(stream))
    for claim in {claim_of(one) for one in found} - {claim_of(one) for one in desk.state(stream).known_by()}:
        desk.release(*claim, stream)


def claim_of(identity: Identity) -> tuple[str, str]:
    """Return the (kind, value) of the claim by which an identity finds its customer."""
    kind, value, source = identity
    return (f"external:{source}" if kind == "external" else kind, value)


def _wellformed(desk: Desk, profile: Profile) -> Profile:
    """Return the profile without an e-mail address or phone number that is none; that is noted, not refused."""
    for field, key in (("email", customer.email_key), ("phone", customer.phone_key)):
        try:
            key(getattr(profile, field) or "")
        except InvalidValue:
            desk.draft.anomalies.add(f"{field}-malformed")
            profile = replace(profile, **{field: None})
    return profile


def settle_conflict(desk: Desk, command: SettleConflict, context: Context) -> str:
    """Settle a conflict about a field."""
    stream = f"customer-{command.customer_id}"
    desk.expect(stream, context.expected)
    events = customer.settle_conflict(
        desk.state(stream), field=command.field, accept=command.accept, source=context.source, at=context.now
    )
    _append(desk, stream, events, context.now)
    return command.customer_id


def give_consent(desk: Desk, command: GiveConsent, context: Context) -> str:
    """Record an agreement to a purpose."""
    stream = f"customer-{command.customer_id}"
    events = customer.give_consent(
        desk.state(stream),
        purpose=command.purpose,
        source=context.source,
        at=command.occurred_at or context.now,
    )
    desk.append(stream, events, customer_id=command.customer_id)
    return command.customer_id


def withdraw_consent(desk: Desk, command: WithdrawConsent, context: Context) -> str:
    """Record that an agreement was taken back."""
    stream = f"customer-{command.customer_id}"
    events = customer.withdraw_consent(
        desk.state(stream),
        purpose=command.purpose,
        source=context.source,
        at=command.occurred_at or context.now,
    )
    desk.append(stream, events, customer_id=command.customer_id)
    return command.customer_id


def merge(desk: Desk, command: MergeCustomers, context: Context) -> str:
    """Join two records of one person."""
    loser, survivor = f"customer-{command.loser}", f"customer-{command.survivor}"
    desk.expect(loser, context.expected)
    for_loser, for_survivor = customer.merge(
        desk.state(loser),
        desk.state(survivor),
        loser=command.loser,
        survivor=command.survivor,
        reason=command.reason,
        at=context.now,
    )
    desk.append(loser, for_loser, customer_id=command.loser)
    desk.append(survivor, for_survivor, customer_id=command.survivor)
    return command.survivor


def unmerge(desk: Desk, command: UnmergeCustomer, context: Context) -> str:
    """Take a merge back."""
    loser = f"customer-{command.customer_id}"
    desk.expect(loser, context.expected)
    into = desk.state(loser).merged_into
    survivor = f"customer-{into}"
    for_loser, for_survivor = customer.unmerge(
        desk.state(loser),
        loser=command.customer_id,
        reason=command.reason,
        at=context.now,
    )
    desk.append(loser, for_loser, customer_id=command.customer_id)
    desk.append(survivor, for_survivor, customer_id=into)
    return command.customer_id


def forget(desk: Desk, command: ForgetCustomer, context: Context) -> str:
    """Destroy the keys of a person's data in every stream that has some, and free what the person had claimed.

    An event of the person that is recorded meanwhile is seen: all is gathered anew. Nothing the second time.
    """
    own = f"customer-{command.customer_id}"
    desk.expect(own, context.expected)
    desk.append(
        own,
        customer.erase(desk.state(own), reason=command.reason, at=context.now),
        customer_id=command.customer_id,
    )
    erased = PersonalDataErased(occurred_at=context.now, reason=command.reason)
    for stream in desk.streams_of_customer(command.customer_id):
        if stream != own and stream.startswith(PERSONAL_KINDS) and not desk.state(stream).erased:
            desk.append(stream, [erased])
        desk.draft.destroy.append(stream)
    desk.draft.destroy.append(own)
    desk.draft.release_streams.append(own)
    return command.customer_id


PERSONAL_KINDS = ("lead-",)
"""Kinds of streams, beside the customer's own, whose events have sealed fields."""
