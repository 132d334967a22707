"""The sections of the settings: which form each has, and what it offers to choose from."""

from collections.abc import Mapping
from datetime import UTC, datetime

from api.http.auth import OWN_SOURCE
from api.http.policy import sources
from api.http.v1.administration import FollowUpsBody, LeadHandlingBody, OwnershipBody, TimeZoneBody
from api.keys import list_keys
from api.pages.board.opening import FORM
from api.pages.board.pipelines import pipelines
from api.pages.customers.identity import LABELS
from api.pages.settings import rules
from api.pages.settings.section import Section, Typed
from api.pages.settings.zones import zones
from api.pages.visit import Visit
from domain.tenant import (
    FollowUpRulesDefined,
    LeadHandlingDefined,
    OwnershipDefined,
    Tenant,
    TimeZoneChosen,
)

_HEARD = (
    "SELECT DISTINCT source FROM log.events WHERE position > %(head)s - 10000 AND position <= %(head)s "
    "AND tenant = %(tenant)s LIMIT 500"
)
"""Who told something lately: the log of years is not looked through for a form."""


def _zone_typed(state: Tenant) -> Typed:
    return {"time_zone": state.time_zone}


def _zone_said(typed: Typed) -> Mapping[str, object]:
    return {"time_zone": typed.get("time_zone", "").strip()}


def _zone_offers(visit: Visit, _: Typed) -> Mapping[str, object]:
    return {"zones": zones(visit.settings.time_zone, datetime.now(UTC))}


def _ownership_typed(state: Tenant) -> Typed:
    return state.owners


def _ownership_said(typed: Typed) -> Mapping[str, object]:
    return {"owners": {name: source for name in LABELS if (source := typed.get(name, "").strip())}}


def _ownership_offers(visit: Visit, _: Typed) -> Mapping[str, object]:
    tenant = visit.caller.tenant
    known = {OWN_SOURCE, *visit.settings.owners.values()}
    known.update(source for key in list_keys(visit.service.log, tenant) for source in sources(key.scopes))
    lately = {"tenant": tenant, "head": visit.service.log.head()}
    with visit.service.log.connection() as connection:
        known.update(source for (source,) in connection.execute(_HEARD, lately))
    return {"sources": sorted(known)}


def _rules_offers(visit: Visit, typed: Typed) -> Mapping[str, object]:
    rows = rules.rows_of(typed)
    with visit.reading() as connection:
        return {"rows": rows, "stages": rules.stages(pipelines(connection), rows)}


def _leads_typed(state: Tenant) -> Typed:
    handling = state.lead_handling
    return {
        "owners": "\n".join(handling.owners),
        "pipeline": handling.pipeline or "",
        "subject": handling.subject or "",
        "text": handling.text or "",
        "forms": "\n".join(handling.forms),
    }


def _leads_said(typed: Typed) -> Mapping[str, object]:
    words = {name: typed.get(name, "").replace("\r\n", "\n") for name in ("pipeline", "subject", "text")}
    return {
        **{name: _lines(typed.get(name, "")) for name in ("owners", "forms")},
        **{name: value for name, value in words.items() if value.strip()},
    }


def _leads_offers(visit: Visit, typed: Typed) -> Mapping[str, object]:
    with visit.reading() as connection:
        known = pipelines(connection)
    begun = [name for name, one in known.items() if one.first("open") is not None]
    chosen = typed.get("pipeline", "")
    return {"pipelines": begun if not chosen or chosen in begun else [*begun, chosen], "form": FORM}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


SECTIONS = (
    Section(
        name="time-zone",
        title="Time zone",
        event=TimeZoneChosen,
        body=TimeZoneBody,
        typed=_zone_typed,
        said=_zone_said,
        place=lambda _, path: path,
        offers=_zone_offers,
    ),
    Section(
        name="ownership",
        title="Who owns which field",
        event=OwnershipDefined,
        body=OwnershipBody,
        typed=_ownership_typed,
        said=_ownership_said,
        place=lambda _, path: path.removeprefix("owners."),
        offers=_ownership_offers,
    ),
    Section(
        name="follow-ups",
        title="Follow-ups of idle deals",
        event=FollowUpRulesDefined,
        body=FollowUpsBody,
        typed=rules.typed,
        said=rules.said,
        place=rules.place,
        offers=_rules_offers,
    ),
    Section(
        name="lead-handling",
        title="What becomes of new leads",
        event=LeadHandlingDefined,
        body=LeadHandlingBody,
        typed=_leads_typed,
        said=_leads_said,
        place=lambda _, path: path.partition(".")[0],
        offers=_leads_offers,
    ),
)
"""In the order of the page."""
