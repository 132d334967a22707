"""Leads: capturing an enquiry once, and what becomes of it."""

from commands.command import (
    AssignLeadOwner,
    CaptureLead,
    Context,
    ConvertLead,
    DisqualifyLead,
    QualifyLead,
    RecordLeadProgress,
)
from commands.customers import find_or_register
from commands.desk import Desk
from commands.names import named
from domain import lead
from domain.ids import external_id, id_of
from domain.lead import LeadCaptured

OPEN_LEAD = "open-lead"
"""The claim of a customer's one open lead on a form."""


def capture(desk: Desk, command: CaptureLead, context: Context) -> str:
    """Capture an enquiry: a new lead, or one more submission of the customer's open one."""
    at = command.occurred_at or context.now
    customer_id = find_or_register(desk, command.profile, context, at)
    stream, key = _stream_of(desk, command, context, customer_id)
    whose = customer_id or desk.load(stream).customer_id
    forgotten = whose is not None and desk.state(f"customer-{whose}").erased
    events = lead.capture(
        desk.state(stream),
        source=context.source,
        source_id=command.source_id,
        form=command.form,
        customer_id=customer_id,
        touch=command.touch,
        fields=None if forgotten else command.fields,
        at=at,
    )
    desk.append(stream, events, customer_id=customer_id)
    if key is not None:
        desk.claim(OPEN_LEAD, key, stream)
    return id_of(stream)


def _stream_of(
    desk: Desk, command: CaptureLead, context: Context, customer_id: str | None
) -> tuple[str, str | None]:
    """Return the lead's stream, and the claim it takes if it is found by its customer and form."""
    if command.source_id is not None:
        return named("lead", context, command.source_id), None
    if customer_id is None:
        return desk.fresh("lead"), None
    key = _key(customer_id, command.form)
    return desk.holder(OPEN_LEAD, key, of=f"customer-{customer_id}") or desk.fresh("lead"), key


def _key(customer_id: str, form: str | None) -> str:
    return f"{customer_id}\x1f{form or ''}"


def assign_owner(desk: Desk, command: AssignLeadOwner, context: Context) -> str:
    """Give the lead to a colleague."""
    stream = f"lead-{command.lead_id}"
    desk.expect(stream, context.expected)
    at = command.occurred_at or context.now
    desk.append(
        stream, lead.assign_owner(desk.state(stream), owner=command.owner, source=context.source, at=at)
    )
    return command.lead_id


def qualify(desk: Desk, command: QualifyLead, context: Context) -> str:
    """Find the lead worth pursuing."""
    stream = f"lead-{command.lead_id}"
    desk.expect(stream, context.expected)
    desk.append(
        stream, lead.qualify(desk.state(stream), by=command.by, at=command.occurred_at or context.now)
    )
    return command.lead_id


def disqualify(desk: Desk, command: DisqualifyLead, context: Context) -> str:
    """Decide not to pursue the lead; the customer may enquire anew."""
    stream = f"lead-{command.lead_id}"
    desk.expect(stream, context.expected)
    at = command.occurred_at or context.now
    desk.append(stream, lead.disqualify(desk.state(stream), reason=command.reason, at=at))
    _close(desk, stream)
    return command.lead_id


def convert(desk: Desk, command: ConvertLead, context: Context) -> str:
    """Make the lead a customer, and perhaps a deal; the customer may enquire anew."""
    stream = f"lead-{command.lead_id}"
    desk.expect(stream, context.expected)
    events = lead.convert(
        desk.state(stream),
        customer_id=command.customer_id,
        deal_id=command.deal_id,
        at=command.occurred_at or context.now,
    )
    desk.append(stream, events, customer_id=command.customer_id)
    _close(desk, stream)
    return command.lead_id


def undo_conversion(desk: Desk, lead_id: str, command_id: str | None, context: Context) -> None:
    """Withdraw that a command has converted a lead, if it did."""
    stream = f"lead-{lead_id}"
    history = desk.histories([stream]).get(stream, [])
    by_it = {told.version: told.event for told in history if told.command_id == command_id is not None}
    events = lead.undo_conversion(told=by_it, at=context.now)
    desk.withdraw(stream, events, history)
    if events and any(isinstance(told.event, LeadCaptured) and not told.event.source_id for told in history):
        _reopen(desk, stream)


def record_progress(desk: Desk, command: RecordLeadProgress, context: Context) -> str:
    """Record what a source says became of its lead, in whatever order it says so."""
    stream = named("lead", context, command.source_id)
    at = command.occurred_at
    customer_id = find_or_register(desk, command.profile, context, at)
    state = desk.state(stream)
    if command.owner is not None:
        desk.append(
            stream, lead.assign_owner(state, owner=command.owner, source=context.source, at=at, fact=True)
        )
    match command.progress:
        case "qualified":
            desk.append(stream, lead.qualify(state, by=command.owner, at=at, fact=True))
        case "disqualified":
            desk.append(stream, lead.disqualify(state, reason=command.reason, at=at, fact=True))
            _close(desk, stream)
        case "converted":
            deal_id = command.deal_source_id and external_id(
                context.tenant, "deal", context.source, command.deal_source_id
            )
            events = lead.convert(state, customer_id=customer_id, deal_id=deal_id, at=at, fact=True)
            desk.append(stream, events, customer_id=customer_id)
            _close(desk, stream)
    return id_of(stream)


def _reopen(desk: Desk, stream: str) -> None:
    """Let the customer's next submission be one of this lead again, unless another lead has it meanwhile."""
    loaded = desk.load(stream)
    if loaded.customer_id is not None and loaded.state.pursued:
        key = _key(loaded.customer_id, loaded.state.form)
        if desk.holder(OPEN_LEAD, key) is None:
            desk.claim(OPEN_LEAD, key, stream)


def _close(desk: Desk, stream: str) -> None:
    loaded = desk.load(stream)
    if loaded.customer_id is not None:
        desk.release(OPEN_LEAD, _key(loaded.customer_id, loaded.state.form), stream)
