"""The records an import can make: each is one command, described by the command's own fields."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

from api import lengths
from commands.command import (
    CaptureLead,
    IssueInvoice,
    OpenDeal,
    RecordCancellation,
    RecordCustomer,
    RecordDealActivity,
    RecordDealChange,
    RecordLeadProgress,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
)
from domain.customer import Profile
from domain.invoice import InvoiceLine
from domain.lead import Touch
from domain.order import OrderLine

Type = Literal["text", "id", "number", "integer", "currency", "time", "date", "flag"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: how its text is read, whether it must be there, which words or how many characters."""

    type: Type
    required: bool
    words: tuple[str, ...] = ()
    longest: int = lengths.NAME


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of record takes, and the command it becomes."""

    command: type
    fields: Mapping[str, Field]
    profile: Literal["required", "optional"] | None = None
    touch: bool = False
    form: bool = False
    lines: Mapping[str, Field] | None = None
    line: type | None = None


_TYPES: Mapping[Any, Type] = {
    str: "text",
    Decimal: "number",
    int: "integer",
    datetime: "time",
    date: "date",
    bool: "flag",
}
_SHIPPED = {"sku": Field("text", required=True), "quantity": Field("number", required=True)}
_LONGEST = {"email": lengths.EMAIL, "reason": lengths.TEXT, "lost_reason": lengths.TEXT}
_LINE = {"title": lengths.TITLE}
FORM_VALUE = Field("text", required=False, longest=lengths.FORM_VALUE)
_PARTS = ("profile", "touch", "fields", "lines", "quantities")
_OURS = ("customer_id", "deal_id", "lead_id", "order_id")


def _fields(cls: type, longest: Mapping[str, int] = _LONGEST) -> dict[str, Field]:
    hints = get_type_hints(cls)
    return {
        field.name: dataclasses.replace(
            _field(field.name, hints[field.name], _is_required(field)),
            longest=longest.get(field.name, lengths.NAME),
        )
        for field in dataclasses.fields(cls)
        if field.name not in _PARTS and field.name not in _OURS
    }


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _field(name: str, hint: object, required: bool) -> Field:  # noqa: FBT001 - private
    options: list[Any] = [hint]
    if get_origin(hint) not in (None, Literal):
        options = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(options[0]) is Literal:
        return Field("text", required, tuple(get_args(options[0])))
    if name == "currency":
        return Field("currency", required)
    if name.endswith("_id"):
        return Field("id", required)
    return Field(_TYPES[options[0]], required)


def _kind(cls: type) -> Kind:
    given = {field.name: field for field in dataclasses.fields(cls)}
    line = InvoiceLine if cls is IssueInvoice else OrderLine
    lines: Mapping[str, Field] | None = _fields(line, _LINE) if "lines" in given else None
    return Kind(
        command=cls,
        fields=_fields(cls),
        profile=None
        if "profile" not in given
        else "required"
        if _is_required(given["profile"])
        else "optional",
        touch="touch" in given,
        form="fields" in given,
        lines=_SHIPPED if "quantities" in given else lines,
        line=line if "lines" in given else None,
    )


KINDS: Mapping[str, Kind] = {
    "customer": _kind(RecordCustomer),
    "lead": _kind(CaptureLead),
    "lead-progress": _kind(RecordLeadProgress),
    "deal": _kind(OpenDeal),
    "deal-change": _kind(RecordDealChange),
    "deal-activity": _kind(RecordDealActivity),
    "order": _kind(RecordOrder),
    "payment": _kind(RecordPayment),
    "shipment": _kind(RecordShipment),
    "cancellation": _kind(RecordCancellation),
    "refund": _kind(RecordRefund),
    "invoice": _kind(IssueInvoice),
}
"""Each kind of record by the name mappings use."""

PROFILE: Mapping[str, Field] = _fields(Profile)
TOUCH: Mapping[str, Field] = _fields(Touch)
