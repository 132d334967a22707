"""What may be asked. A command is a verb and its content; who asks, and when, is its Context.

Record… commands report facts of the system that owns them: they are recorded even where they look wrong. All others
are requests: they are decided and may be refused with a reason. `occurred_at` is the fact's own time by the source's
clock, aware; a request without one happens at the context's `now`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from domain.customer import Profile
from domain.invoice import InvoiceLine
from domain.lead import Touch
from domain.order import OrderLine
from domain.pipeline import Stage
from domain.tenant import FollowUpRule

NO_TOUCH = Touch()
LATER = MappingProxyType({"later": True})
"""The metadata of a field that a command gained after requests without it were recorded. It has a default, which says
nothing: a request that leaves it so is the same request as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who asks for which tenant, through which source, at what time, and under which idempotency key.

    `expected` is the version the asker saw (If-Match); with it a stream that moved on is a conflict, without it the
    command is decided again on what is there now.
    """

    tenant: str
    actor: str
    source: str
    now: datetime
    command_id: str | None = None
    expected: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCustomer:
    """A source reports what it knows of a customer, found by its own id, e-mail address or phone, else registered."""

    profile: Profile
    customer_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleConflict:
    """Keep the owner's value of a field, or take the one that was offered."""

    customer_id: str
    field: str
    accept: Literal["owner", "offered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveConsent:
    """The customer agrees to a purpose."""

    customer_id: str
    purpose: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawConsent:
    """The customer takes back the agreement to a purpose."""

    customer_id: str
    purpose: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCustomers:
    """Two records are one person: show `loser` under `survivor`."""

    loser: str
    survivor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmergeCustomer:
    """The merge of this customer was a mistake: it stands for itself again."""

    customer_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetCustomer:
    """Destroy the keys of a person's data, everywhere, for good."""

    customer_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureLead:
    """Someone enquires, by a form or otherwise. The same person on the same form has one open lead.

    With `source_id` the lead is that record of the source's; else it is found by its customer (e-mail or phone) and
    form. `profile` finds or registers the customer; without any identity the lead has none yet.
    """

    form: str | None = None
    source_id: str | None = None
    profile: Profile | None = None
    touch: Touch = NO_TOUCH
    fields: Mapping[str, str] | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleLead:
    """Do with an enquiry what the tenant has defined: give it an owner, open a deal, have a reply written."""

    lead_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignLeadOwner:
    """A colleague looks after the lead."""

    lead_id: str
    owner: str | None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifyLead:
    """The lead is worth pursuing."""

    lead_id: str
    by: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisqualifyLead:
    """The lead will not be pursued."""

    lead_id: str
    reason: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertLead:
    """The lead becomes a customer, and perhaps a deal."""

    lead_id: str
    customer_id: str | None = None
    deal_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLeadProgress:
    """A source reports what became of its lead `source_id`, even of one it has not reported yet."""

    source_id: str
    progress: Literal["qualified", "disqualified", "converted"]
    owner: str | None = None
    reason: str | None = None
    profile: Profile | None = None
    deal_source_id: str | None = None
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDeal:
    """Open an opportunity in a stage of a pipeline. With `source_id` it is that record of the source's.

    Where it `converts` its lead, the lead is converted with it, or neither is done.
    """

    pipeline: str
    stage: str
    title: str
    source_id: str | None = None
    owner: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    profile: Profile | None = None
    customer_id: str | None = None
    lead_source_id: str | None = None
    lead_id: str | None = None
    company: str | None = None
    sequence: int = 0
    occurred_at: datetime | None = None
    converts: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveToStage:
    """Move a deal to another stage, if the pipeline's rules allow it.

    With it comes what entering the stage takes: a value, an owner, why it was lost; a closed deal is opened again where
    it `reopens`. All of that is done, or nothing.
    """

    deal_id: str
    stage: str
    amount: Decimal | None = field(default=None, metadata=LATER)
    currency: str | None = field(default=None, metadata=LATER)
    owner: str | None = field(default=None, metadata=LATER)
    lost_reason: str | None = field(default=None, metadata=LATER)
    reopens: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoMove:
    """Take back the last move of a deal with all that came with it: it stands where it stood, and since when it did."""

    deal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAmount:
    """The deal's value is estimated anew."""

    deal_id: str
    amount: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignDealOwner:
    """A colleague takes over the deal."""

    deal_id: str
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDeal:
    """What the deal is called, what it is worth and who looks after it should be this: all of it is done, or nothing.

    Without a title it keeps the one it has.
    """

    deal_id: str
    title: str | None
    amount: Decimal | None
    currency: str | None
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WinDeal:
    """The customer said yes."""

    deal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseDeal:
    """The customer, or we, said no."""

    deal_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenDeal:
    """A closed deal is open again."""

    deal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFollowUp:
    """Something is to be done about the deal by a day."""

    deal_id: str
    follow_up_id: str
    due_on: date
    task: str
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpIdleDeal:
    """The deal has been in the stage since then for as long as a rule of the tenant allows; plan what it asks for."""

    deal_id: str
    stage: str
    since: datetime
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteFollowUp:
    """The follow-up was done."""

    deal_id: str
    follow_up_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDealChange:
    """A source reports a change of its deal `source_id`: a stage, an owner, an amount, each only if given."""

    source_id: str
    stage: str | None = None
    pipeline: str | None = None
    owner: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    outcome: Literal["won", "lost", "open"] | None = None
    lost_reason: str | None = None
    profile: Profile | None = None
    sequence: int = 0
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDealActivity:
    """A source reports work on its deal `source_id` or on the deal's quotes."""

    source_id: str
    kind: str
    activity: str
    status: str | None = None
    by: str | None = None
    sequence: int = 0
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """A shop reports an order as it stands; told again with other content it was revised."""

    source_id: str
    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    profile: Profile | None = None
    discount: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """A shop reports money received for its order. `order_id` names it by our id instead."""

    order_source_id: str | None = None
    order_id: str | None = None
    payment_id: str
    currency: str
    amount: Decimal
    method: str | None = None
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShipment:
    """A shop reports goods sent for its order: quantities by sku, or everything.

    `order_id` names the order by our id instead.
    """

    order_source_id: str | None = None
    order_id: str | None = None
    shipment_id: str
    quantities: Mapping[str, Decimal]
    complete: bool = False
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCancellation:
    """A shop reports that its order is cancelled. `order_id` names it by our id instead."""

    order_source_id: str | None = None
    order_id: str | None = None
    reason: str | None = None
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund:
    """A shop reports money given back, for an order if it says which, known here or not.

    `order_id` names the order by our id instead.
    """

    source_id: str
    currency: str
    amount: Decimal
    order_source_id: str | None = None
    order_id: str | None = None
    profile: Profile | None = None
    reason: str | None = None
    lines: tuple[OrderLine, ...] = ()
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOrderToCustomer:
    """A guest's order is this customer's; None takes the link back."""

    order_id: str
    customer_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueInvoice:
    """Ask a customer to pay. With `source_id` it is that record of the source's."""

    currency: str
    subtotal: Decimal
    tax: Decimal
    source_id: str | None = None
    number: str | None = None
    lines: tuple[InvoiceLine, ...] = ()
    due_on: date | None = None
    profile: Profile | None = None
    customer_id: str | None = None
    order_id: str | None = None
    deal_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInvoicePayment:
    """Money for an invoice came in."""

    invoice_id: str
    payment_id: str
    currency: str
    amount: Decimal
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInvoiceRefund:
    """Money of an invoice went back."""

    invoice_id: str
    refund_id: str
    currency: str
    amount: Decimal
    reason: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidInvoice:
    """The invoice counts as never sent."""

    invoice_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMessageSent:
    """A message was handed over to be delivered."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMessageFailed:
    """A message cannot be sent; `reason` is a kind of trouble and names nobody."""

    message_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinePipeline:
    """Set a pipeline's stages and rules from now on."""

    name: str
    stages: tuple[Stage, ...]
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineOwnership:
    """Say which source owns which customer field from now on."""

    owners: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineFollowUps:
    """Say which idle deals get a follow-up from now on: all the rules there are."""

    rules: tuple[FollowUpRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseTimeZone:
    """Business days are days of this IANA time zone from now on."""

    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineLeadHandling:
    """Say what becomes of an enquiry by itself from now on; what is left empty is not done."""

    owners: tuple[str, ...] = ()
    pipeline: str | None = None
    subject: str | None = None
    text: str | None = None
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApiKey:
    """Hand out a key; only its digest is kept."""

    key_id: str
    name: str
    digest: str
    role: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeApiKey:
    """The key opens nothing any more."""

    key_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFilter:
    """Keep what a list or the board is asked for under a name; the same person's of that name is replaced."""

    list: str
    person: str
    name: str
    query: str
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFilter:
    """Keep a saved filter no longer: a person's own, or that of anyone."""

    filter_id: str
    person: str
    of_anyone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExport:
    """Someone takes so many rows of a list out as a file."""

    list: str
    rows: int
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitePerson:
    """Let whoever receives mail at this address sign in and act in a role."""

    email: str
    role: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePersonRole:
    """Let a person act in another role."""

    person_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokePerson:
    """End a person's access."""

    person_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordImport:
    """An import finished with this report."""

    batch: str
    mapping: str
    rows: int
    events: int
    skipped: Mapping[str, int]
    anomalies: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoBatch:
    """Withdraw every event of an import batch; what it recorded may then be imported again."""

    batch: str
    reason: str


Command = (
    RecordCustomer
    | SettleConflict
    | GiveConsent
    | WithdrawConsent
    | MergeCustomers
    | UnmergeCustomer
    | ForgetCustomer
    | CaptureLead
    | HandleLead
    | AssignLeadOwner
    | QualifyLead
    | DisqualifyLead
    | ConvertLead
    | RecordLeadProgress
    | OpenDeal
    | MoveToStage
    | UndoMove
    | ChangeAmount
    | AssignDealOwner
    | ChangeDeal
    | WinDeal
    | LoseDeal
    | ReopenDeal
    | ScheduleFollowUp
    | FollowUpIdleDeal
    | CompleteFollowUp
    | RecordDealChange
    | RecordDealActivity
    | RecordOrder
    | RecordPayment
    | RecordShipment
    | RecordCancellation
    | RecordRefund
    | LinkOrderToCustomer
    | IssueInvoice
    | RecordInvoicePayment
    | RecordInvoiceRefund
    | VoidInvoice
    | RecordMessageSent
    | RecordMessageFailed
    | DefinePipeline
    | DefineOwnership
    | DefineFollowUps
    | ChooseTimeZone
    | DefineLeadHandling
    | CreateApiKey
    | RevokeApiKey
    | SaveFilter
    | RemoveFilter
    | RecordExport
    | InvitePerson
    | ChangePersonRole
    | RevokePerson
    | RecordImport
    | UndoBatch
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command did: the id of its record, the position and version it left, and how many events it recorded.

    `repeated`: the same command was answered before and this is that answer. `anomalies` names what looks wrong.
    """

    id: str
    position: int
    version: int
    events: int
    repeated: bool = False
    anomalies: tuple[str, ...] = ()
