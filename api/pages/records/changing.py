"""A deal's title, value and owner: changed by a form on its page, and taken back, unless somebody was faster."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Response

from api.http.errors import not_found
from api.http.v1.border import PathId
from api.pages.board.moving import terms_in_words
from api.pages.board.opening import Title
from api.pages.board.pipelines import owners_of_deals
from api.pages.forms import Form, Maybe, read_form
from api.pages.seen import Seen, position_of, seen_of, settled
from api.pages.visit import Visit, visitor
from commands.command import ChangeDeal
from domain.deal import Deal, Value
from domain.errors import InvalidValue
from domain.money import amount, currency
from streams.errors import WrongExpectedVersion

router = APIRouter()
Writer = Annotated[Visit, visitor("deals:write")]
_EURO = "EUR"  # what is offered where no currency is known


class Typed(Form):
    """What is typed to change a deal."""

    title: Title
    amount: Maybe = None
    currency: Maybe = None
    owner: Maybe = None


class Terms(NamedTuple):
    """What a deal is called, what it is worth and who looks after it."""

    title: str | None
    value: Value | None
    owner: str | None

    @property
    def typed(self) -> dict[str, str]:
        """These terms as they are typed into the form."""
        return {
            "title": self.title or "",
            "amount": f"{self.value.amount:f}" if self.value else "",
            "currency": self.value.currency if self.value else _EURO,
            "owner": self.owner or "",
        }


@router.get("/deals/{deal_id}/change")
def ask(visit: Writer, deal_id: PathId) -> Response:
    """Ask what the deal should be called, what it is worth and whose it is."""
    deal = _deal(visit, deal_id)
    return _form(visit, deal_id, deal, _terms(deal.now).typed, seen=deal.position)


@router.post("/deals/{deal_id}/change")
def change(visit: Writer, deal_id: PathId) -> Response:
    """Change the deal to what the form says, or back to what it was at the position it `restores`.

    Where somebody else has changed the same field since it was seen, both values are shown and nothing is written.
    """
    seen = position_of(visit.form.get("seen", ""))
    deal = _deal(visit, deal_id, seen)
    yours, wrong = _yours(visit, deal_id)
    if yours is None:
        return _form(visit, deal_id, deal, visit.form, 422, seen=seen, wrong=wrong)
    now = _terms(deal.now)
    fields, disputed = settled(yours._asdict(), now._asdict(), _terms(deal.then)._asdict())
    terms = Terms(**fields)
    if disputed:
        rows = _differences(deal, terms, disputed)
        return _form(visit, deal_id, deal, terms.typed, 409, seen=deal.position, differences=rows)
    if terms == now:
        return visit.redirect(f"/deals/{deal_id}", "It is so already.")
    try:
        answer = visit.do(_command(deal_id, terms), expected=deal.version)
    except WrongExpectedVersion:
        return change(visit, deal_id)  # decided again on what is there now
    visit.passed(answer.position)
    return visit.redirect(
        f"/deals/{deal_id}?stood={deal.position}&at={answer.position}", "The deal is changed."
    )


def _yours(visit: Visit, deal_id: str) -> tuple[Terms | None, dict[str, str]]:
    """Return what the visitor wants the deal to be, or None and what is wrong with it."""
    restored = position_of(visit.form.get("restores", ""))
    if restored is not None:
        return _terms(_deal(visit, deal_id, restored).then), {}
    typed, wrong = read_form(Typed, visit.form)
    if typed is None:
        return None, wrong
    try:
        return Terms(typed.title, _value(typed), typed.owner), {}
    except InvalidValue as refusal:
        return None, {refusal.detail["field"]: f"It must be {refusal.detail['rule']}."}


def _value(typed: Typed) -> Value | None:
    if typed.amount is None:
        return None
    return Value(amount=amount(typed.amount), currency=currency(typed.currency or ""))


def _terms(deal: Deal) -> Terms:
    return Terms(deal.title.value, deal.value.value, deal.owner.value)


def _command(deal_id: str, terms: Terms) -> ChangeDeal:
    value = terms.value
    return ChangeDeal(
        deal_id=deal_id,
        title=terms.title,
        amount=value.amount if value else None,
        currency=value.currency if value else None,
        owner=terms.owner,
    )


def _differences(deal: Seen[Deal], yours: Terms, disputed: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Return field, current, yours and what was seen of those that both have changed."""
    current, wanted, saw = (terms_in_words(*terms) for terms in (_terms(deal.now), yours, _terms(deal.then)))
    return [(name, current[name], wanted[name], saw[name]) for name in current if name.lower() in disputed]


def _deal(visit: Visit, deal_id: str, seen: int | None = None) -> Seen[Deal]:
    found: Seen[Deal] | None = seen_of(visit, f"deal-{deal_id}", position=seen)
    if found is None or not found.now.known:
        raise not_found()
    return found


def _form(  # noqa: PLR0913 - what the form shows
    visit: Visit,
    deal_id: str,
    deal: Seen[Deal],
    told: Mapping[str, str],
    status: int = 200,
    *,
    seen: int | None,
    wrong: Mapping[str, str] | None = None,
    differences: Sequence[tuple[str, str, str, str]] = (),
) -> Response:
    with visit.reading() as connection:
        owners = owners_of_deals(connection)
    shown: dict[str, Any] = {"told": told, "seen": seen, "wrong": wrong or {}, "differences": differences}
    title = deal.now.title.value or "Untitled deal"
    return visit.page("records/change.html", status, deal_id=deal_id, title=title, owners=owners, **shown)
