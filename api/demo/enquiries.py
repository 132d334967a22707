"""Enquiries by the website's forms: where people came from, and what becomes of them."""

from collections.abc import Iterator
from datetime import datetime

from api.demo.deals import OFFICE, OWNERS, Opportunity, deal_of
from api.demo.dice import Dice, Step
from api.demo.people import Person
from commands.command import AssignLeadOwner, CaptureLead, ConvertLead, DisqualifyLead, QualifyLead
from domain.ids import external_id
from domain.lead import Touch

WEBSITE = "website"
_TOUCHES = (
    Touch(source="google", medium="cpc", campaign="office-tea"),
    Touch(source="google", medium="organic"),
    Touch(source="newsletter", medium="email", campaign="season"),
    Touch(source="instagram", medium="social"),
    Touch(source="partner", medium="referral", campaign="fair"),
    Touch(),
)
_MESSAGES = (
    "Please call me back.",
    "Do you deliver on Fridays?",
    "A quote for our office, please.",
    "Can we taste before we order?",
    "We open a second branch and need more.",
)
_NOT_NOW = ("no budget", "not reached after three calls", "student project", "spam")


def enquiry_of(  # noqa: PLR0913 - what an enquiry depends on
    dice: Dice, tenant: str, number: str, who: Person, at: datetime, *, briefly: float = 0.06
) -> Iterator[Step]:
    """Yield an enquiry and what becomes of it: another submission, disqualified, or a deal.

    In the share `briefly` of cases only a first name is given, which is not what a shop knows of its customer.
    """
    form = dice.one_of(("contact", "quote", "tasting"))
    source_id = f"enquiry-{number}"
    for _ in range(1 + dice.happens(0.15)):
        asked = CaptureLead(
            source_id=source_id,
            form=form,
            profile=who.visitor(briefly=dice.happens(briefly)),
            touch=dice.one_of(_TOUCHES),
            fields={"message": dice.one_of(_MESSAGES), "people": str(dice.number(3, 60))},
            occurred_at=at,
        )
        yield Step(at, WEBSITE, asked)
        at = dice.at_work(at, 0.2, 3)
    lead_id, owner = external_id(tenant, "lead", WEBSITE, source_id), dice.one_of(OWNERS)
    yield Step(at, OFFICE, AssignLeadOwner(lead_id=lead_id, owner=owner, occurred_at=at))
    at = dice.at_work(at, 0.1, 4)
    if dice.happens(0.3):
        reason = dice.one_of(_NOT_NOW)
        yield Step(at, OFFICE, DisqualifyLead(lead_id=lead_id, reason=reason, occurred_at=at))
        return
    if dice.happens(0.75):
        yield Step(at, OFFICE, QualifyLead(lead_id=lead_id, by=owner, occurred_at=at))
        if dice.happens(0.6):
            at = dice.at_work(at, 0.1, 3)
            opportunity = Opportunity(tenant, number, who, lead_id)
            first, *others = deal_of(dice, opportunity, owner, at)
            yield first
            yield Step(at, OFFICE, ConvertLead(lead_id=lead_id, deal_id=opportunity.deal_id, occurred_at=at))
            yield from others
