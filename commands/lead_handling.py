"""What becomes of an enquiry by itself: an owner, a deal, a reply, as the tenant has defined."""

from commands import deals
from commands.command import Context, DefineLeadHandling, HandleLead, OpenDeal
from commands.desk import Desk
from commands.messages import address_of
from commands.names import SETTINGS, named
from domain import lead, message, tenant
from domain.lead import Lead
from domain.tenant import LeadHandlingDefined, Tenant

TURN = "lead-turn"
"""The claim of the owner whom the last lead that nobody owned was given to: whose turn it is follows from it."""


def define(desk: Desk, command: DefineLeadHandling, context: Context) -> str:
    """Say what becomes of an enquiry by itself from now on."""
    desk.expect(SETTINGS, context.expected)
    state: Tenant = desk.state(SETTINGS)
    events = tenant.define_lead_handling(
        state,
        owners=command.owners,
        pipeline=command.pipeline,
        subject=command.subject,
        text=command.text,
        forms=command.forms,
        rules=None if command.pipeline is None else deals.rules_to_begin(desk, command.pipeline),
        at=context.now,
    )
    desk.append(SETTINGS, events)
    for owner in state.lead_handling.owners:
        if owner not in command.owners:
            _end_turn(desk, owner)
    return "lead-handling"


def handle_lead(desk: Desk, command: HandleLead, context: Context) -> str:
    """Do with an enquiry what is defined, all of it at once; nothing where it is closed, withdrawn or forgotten.

    What was done with the lead before is not done again, for whatever reason it is asked for.
    """
    defined: LeadHandlingDefined = desk.state(SETTINGS).lead_handling
    stream = f"lead-{command.lead_id}"
    state: Lead = desk.state(stream)
    if not (state.pursued and tenant.is_handled(defined, state.form)):
        return command.lead_id
    customer_id = state.customer.value
    if customer_id is not None and desk.state(f"customer-{customer_id}").erased:
        return command.lead_id
    owner = state.owner.value
    if owner is None and defined.owners:
        owner = _next_owner(desk, defined.owners, stream)
        desk.append(stream, lead.assign_owner(state, owner=owner, source=context.source, at=context.now))
    if defined.pipeline is not None:
        _open_deal(desk, command.lead_id, defined.pipeline, owner, context)
    if defined.subject is not None and defined.text is not None and customer_id is not None:
        _queue_reply(desk, command.lead_id, customer_id, (defined.subject, defined.text), context)
    return command.lead_id


def _next_owner(desk: Desk, owners: tuple[str, ...], stream: str) -> str:
    """Return who comes after the owner who was given the last lead; this lead's stream then holds the turn.

    Of two at once only one gets it: the other is decided again.
    """
    desk.prefetch([], [(TURN, owner) for owner in owners])
    last = next((owner for owner in owners if desk.holder(TURN, owner)), None)
    if last is None:
        desk.claim(TURN, owners[0], stream)
        return owners[0]
    chosen = owners[(owners.index(last) + 1) % len(owners)]
    if chosen != last:
        _end_turn(desk, last)
        desk.claim(TURN, chosen, stream)
    return chosen


def _end_turn(desk: Desk, owner: str) -> None:
    holder = desk.holder(TURN, owner)
    if holder is not None:
        desk.release(TURN, owner, holder)


def _open_deal(desk: Desk, lead_id: str, pipeline: str, owner: str | None, context: Context) -> None:
    """Open the lead's deal, once, whatever its stage asks for; none in a pipeline that lost its open stages."""
    first = deals.rules_to_begin(desk, pipeline).first("open")
    if first is None or desk.state(named("deal", context, lead_id)).known:
        return
    state: Lead = desk.state(f"lead-{lead_id}")
    customer_id = state.customer.value
    company = desk.state(f"customer-{customer_id}").value("company") if customer_id else None
    form = state.form or "enquiry"
    asked = OpenDeal(
        source_id=lead_id,
        pipeline=pipeline,
        stage=first.name,
        title=company or form[:1].upper() + form[1:],
        owner=owner,
        customer_id=customer_id,
        lead_id=lead_id,
        company=company,
    )
    deals.open_deal(desk, asked, context)


def _queue_reply(
    desk: Desk, lead_id: str, customer_id: str, words: tuple[str, str], context: Context
) -> None:
    """Have a reply written, once, to a customer who has an e-mail address."""
    if address_of(desk, customer_id) is None:
        return
    stream = named("message", context, lead_id)
    subject, text = words
    events = message.queue(
        desk.state(stream),
        channel="email",
        customer_id=customer_id,
        lead_id=lead_id,
        subject=subject,
        text=text,
        at=context.now,
    )
    desk.append(stream, events, customer_id=customer_id)
