"""One sentence for every event, as a person would say it; no sentence holds personal data."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from domain import (
    customer,
    deal,
    invoice,
    lead,
    message,
    order,
    person,
    pipeline,
    record,
    saved_filter,
    tenant,
)
from domain.event import Event
from domain.money import written

Sentence = Callable[[Any], str | None]


def sentence(event: Event) -> str | None:
    """Return what the timeline says about an event, None where it is silent. Raises KeyError for an unknown class."""
    return SENTENCES[type(event)](event)


def _money(amount: Decimal | None, currency: str | None) -> str:
    if amount is None:
        return "no amount"
    return written(amount, currency) if currency else f"{amount:,f}"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _withdrawn(event: record.EventsWithdrawn) -> str:
    if event.batch is None:
        return f"{event.reason[:1].upper()}{event.reason[1:]}"
    entries = "1 earlier entry" if len(event.versions) == 1 else f"{len(event.versions)} earlier entries"
    return f"{entries} withdrawn{_because(event.reason)}"


def _lines(count: int) -> str:
    return "" if not count else " with 1 line" if count == 1 else f" with {count} lines"


def _revised(event: order.OrderRevised) -> str | None:
    return None if event.unchanged else f"Order revised to {_money(event.total, event.currency)}"


def _emptied(event: customer.FieldEmptied) -> str:
    written = event.field.replace("_", " ").capitalize()
    name = {"email": "E-mail address", "phone": "Phone number"}.get(event.field, written)
    return f"{name} {'emptied by' if event.by_owner else 'is to be emptied, says'} {event.source}"


def _silent(_event: Event) -> None:
    return None


SENTENCES: Mapping[type[Event], Sentence] = {
    customer.CustomerRegistered: lambda e: f"Customer became known through {e.source}",
    customer.NameChanged: lambda e: f"Name told by {e.source}",
    customer.EmailChanged: lambda e: f"E-mail address told by {e.source}",
    customer.PhoneChanged: lambda e: f"Phone number told by {e.source}",
    customer.CompanyChanged: lambda e: f"Company is {e.company or 'not known'}, says {e.source}",
    customer.CountryChanged: lambda e: f"Country is {e.country or 'not known'}, says {e.source}",
    customer.LifecycleStageChanged: lambda e: (
        f"Lifecycle stage is {e.lifecycle_stage or 'none'}, says {e.source}"
    ),
    customer.CustomerOwnerAssigned: lambda e: f"Looked after by {e.owner or 'nobody'}, says {e.source}",
    customer.FieldEmptied: _emptied,
    customer.ProfileConfirmed: _silent,
    customer.FieldConflictSettled: lambda e: f"Conflict about {e.field.replace('_', ' ')} settled",
    customer.IdentityLinked: lambda e: f"Known to {e.source} by {_identity(e.kind)}",
    customer.IdentityTaken: lambda e: f"{e.source} gave {_identity(e.kind)} that another customer has",
    customer.ConsentGiven: lambda e: f"Agreed to {e.purpose}",
    customer.ConsentWithdrawn: lambda e: f"Took back the agreement to {e.purpose}",
    customer.CustomerMerged: lambda e: f"Merged into another customer{_because(e.reason)}",
    customer.CustomerUnmerged: lambda e: f"Stands for itself again{_because(e.reason)}",
    customer.CustomerAbsorbed: lambda e: f"Another customer was merged into this one{_because(e.reason)}",
    customer.CustomerReleased: lambda e: f"A merged customer stands for itself again{_because(e.reason)}",
    lead.LeadCaptured: lambda e: f"Enquired through {e.form or e.source}",
    lead.FormSubmitted: lambda e: f"Sent in {e.form or 'a form'}",
    lead.LeadOwnerAssigned: lambda e: f"Lead looked after by {e.owner or 'nobody'}",
    lead.LeadQualified: lambda _: "Lead qualified",
    lead.LeadDisqualified: lambda e: f"Lead disqualified{_because(e.reason)}",
    lead.LeadConverted: lambda e: "Lead became a deal" if e.deal_id else "Lead became a customer",
    lead.LeadLinkedToCustomer: lambda e: _linked("Lead", e.customer_id),
    deal.DealOpened: lambda e: f"Deal opened in {e.stage} of {e.pipeline}{_worth(e)}",
    deal.StageChanged: lambda e: f"Deal moved to {e.stage}",
    deal.DealAmountChanged: lambda e: f"Deal is worth {_money(e.amount, e.currency)}",
    deal.DealOwnerAssigned: lambda e: f"Deal looked after by {e.owner or 'nobody'}",
    deal.DealRetitled: lambda _: "Deal has a new title",
    deal.DealWon: lambda _: "Deal won",
    deal.DealLost: lambda e: f"Deal lost{_because(e.reason)}",
    deal.DealReopened: lambda _: "Deal reopened",
    deal.DealLinkedToCustomer: lambda e: _linked("Deal", e.customer_id),
    deal.FollowUpScheduled: lambda e: f"Follow-up due on {e.due_on}",
    deal.FollowUpCompleted: lambda _: "Follow-up done",
    deal.DealActivityRecorded: lambda e: " ".join(part for part in (e.kind, e.activity, e.status) if part),
    order.OrderPlaced: lambda e: f"Ordered for {_money(e.total, e.currency)}{_lines(len(e.lines))}",
    order.OrderRevised: _revised,
    order.PaymentReceived: lambda e: f"Paid {_money(e.amount, e.currency)}",
    order.ShipmentSent: lambda e: "Everything shipped" if e.complete else "Part of the order shipped",
    order.OrderCancelled: lambda e: f"Order cancelled{_because(e.reason)}",
    order.RefundIssued: lambda e: f"Refunded {_money(e.amount, e.currency)}{_because(e.reason)}",
    order.RefundLinkedToOrder: _silent,
    order.OrderLinkedToCustomer: lambda e: _linked("Order", e.customer_id),
    invoice.InvoiceIssued: lambda e: f"Invoice over {_money(e.subtotal + e.tax, e.currency)}",
    invoice.InvoicePaid: lambda e: f"Invoice paid with {_money(e.amount, e.currency)}",
    invoice.InvoiceRefunded: lambda e: f"Refunded {_money(e.amount, e.currency)} of the invoice",
    invoice.InvoiceVoided: lambda e: f"Invoice voided{_because(e.reason)}",
    message.MessageQueued: lambda _: "Reply queued",
    message.MessageSent: lambda _: "Reply sent",
    message.MessageFailed: lambda e: f"Reply could not be sent: {e.reason}",
    pipeline.PipelineDefined: lambda e: f"Pipeline {e.name} defined with {len(e.stages)} stages",
    tenant.OwnershipDefined: lambda _: "Ownership of customer fields defined",
    tenant.FollowUpRulesDefined: lambda e: f"{len(e.rules)} rules for follow-ups of idle deals defined",
    tenant.TimeZoneChosen: lambda e: f"Business days are days in {e.time_zone}",
    tenant.LeadHandlingDefined: lambda _: "What becomes of leads by itself defined",
    tenant.ApiKeyCreated: lambda e: f"API key for {e.role} handed out",
    person.PersonInvited: lambda e: f"Someone was invited as {e.role}",
    person.PersonRoleChanged: lambda e: f"Someone acts as {e.role} now",
    person.PersonRevoked: lambda e: f"Someone's access ended{_because(e.reason)}",
    tenant.ApiKeyRevoked: lambda e: f"API key revoked{_because(e.reason)}",
    tenant.BatchImported: lambda e: f"Imported {e.events:,} events from {e.rows:,} rows of {e.mapping}",
    tenant.BatchUndone: lambda e: f"Import undone: {e.events:,} events withdrawn",
    tenant.ReadModelRebuilt: lambda e: f"Read model {e.name} rebuilt through position {e.through}",
    tenant.EventSkipped: lambda e: f"Read model {e.name} passes over event {e.position}{_because(e.reason)}",
    tenant.ListExported: lambda e: f"Exported {e.rows:,} rows of {e.list}",
    saved_filter.FilterSaved: _silent,
    saved_filter.FilterRemoved: _silent,
    record.EventsWithdrawn: _withdrawn,
    record.PersonalDataErased: lambda _: "Personal data erased",
}


def _identity(kind: str) -> str:
    return {"email": "an e-mail address", "phone": "a phone number"}.get(kind, "an id")


def _linked(what: str, customer_id: str | None) -> str:
    return f"{what} linked to a customer" if customer_id else f"{what} no longer linked to a customer"


def _worth(event: deal.DealOpened) -> str:
    return "" if event.amount is None else f", worth {_money(event.amount, event.currency)}"
