"""Moving a deal: what it takes, the command it comes to, and what each side has when someone was faster."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from api.http.errors import Problem
from api.pages.board.opening import Lacking
from api.pages.forms import NEEDED, read_form
from api.pages.seen import Seen, seen_of
from api.pages.templates import money as written
from api.pages.visit import Visit
from commands.command import Answer, MoveToStage, UndoMove
from commands.deals import rules_to_begin
from commands.desk import Desk
from domain.deal import Deal, Value
from domain.money import amount, currency
from domain.pipeline import Pipeline, Stage

REASON = "reason"
"""What is asked of a deal that is lost."""
UNDO = "undo"
"""What a form says that takes a move back."""
ASKED = ("amount", "owner", REASON)
"""What a form can ask for; what else a stage requires is refused."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A deal as it stands, and as the visitor saw it."""

    deal_id: str
    now: Deal
    position: int
    seen: Deal
    seen_version: int
    changed_at: datetime
    rules: Pipeline

    def stage(self, name: str) -> Stage:
        """Return a stage of the deal's pipeline; an unknown one as nobody knows it."""
        return self.rules.stage(name) or Stage(name=name)

    def lacks(self, name: str, form: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Return what a form must ask before the deal can enter a stage, and what is wrong with what this one told.

        Nothing is asked once a form has told, rightly, all that entering takes and the deal does not have.
        """
        stage = self.stage(name)
        _, wrong = read_form(Lacking, form)
        if form.get("amount", "").strip() and not form.get("currency", "").strip():
            wrong["currency"] = NEEDED
        has = {"amount": self.now.value.value, "owner": self.now.owner.value}
        needs = [need for need in stage.requires if need in has and not has[need]]
        if stage.outcome == "lost" and self.now.outcome != "lost":
            needs.append(REASON)
        if not wrong and all(form.get(need, "").strip() for need in needs):
            return [], {}
        priced = "amount" in needs or "currency" in wrong
        return [one for one in ASKED if one in needs or one in wrong or (one == "amount" and priced)], wrong

    def differences(self, stage: str) -> list[tuple[str, str, str, str]]:
        """Return field, current, yours and original of what has changed meanwhile or is asked for."""
        now, seen = _shown(self.now), _shown(self.seen)
        yours = {**seen, "Stage": stage}
        return [
            (name, now[name], yours[name], seen[name])
            for name in now
            if now[name] != seen[name] or name == "Stage"
        ]

    def command(self, name: str, form: Mapping[str, str]) -> MoveToStage:
        """Return what brings the deal into a stage, with what the form adds to it. Raises InvalidValue."""
        stage, told = self.stage(name), form.get("amount", "").strip()
        loses = stage.outcome == "lost" and stage == self.rules.first("lost")
        return MoveToStage(
            deal_id=self.deal_id,
            stage=name,
            amount=amount(told) if told else None,
            currency=currency(form.get("currency", "")) if told else None,
            owner=form.get("owner", "").strip() or None,
            lost_reason=(form.get(REASON, "").strip() or None) if loses else None,
            reopens=self.now.outcome not in {"open", stage.outcome},
        )


def standing(visit: Visit, deal_id: str, seen: int | None) -> Standing:
    """Return a deal as it stands and as it was at the position the visitor saw. Raises Problem 404."""
    deal: Seen[Deal] | None = seen_of(visit, f"deal-{deal_id}", position=seen)
    if deal is None:
        raise Problem(404, "deal-not-found", "There is no such deal.")
    return Standing(
        deal_id=deal_id,
        now=deal.now,
        position=deal.position,
        seen=deal.then,
        seen_version=deal.then_version,
        changed_at=deal.changed_at,
        rules=rules_to_begin(Desk(visit.service.log, visit.caller.tenant), deal.now.pipeline),
    )


def carry_out(visit: Visit, standing: Standing, stage: str) -> Answer:
    """Move the deal, or take back its last move, unless it has changed since it was seen.

    Raises WrongExpectedVersion, or a rule's refusal.
    """
    undoes = UNDO in visit.form
    command = UndoMove(deal_id=standing.deal_id) if undoes else standing.command(stage, visit.form)
    return visit.do(command, expected=standing.seen_version)


def _shown(state: Deal) -> dict[str, str]:
    terms = terms_in_words(state.title.value, state.value.value, state.owner.value)
    return {"Stage": state.stage or "none", "Outcome": state.outcome, **terms}


def terms_in_words(title: str | None, value: Value | None, owner: str | None) -> dict[str, str]:
    """Return what a deal is called, worth and whose it is, by the names of these fields for people."""
    return {
        "Title": title or "none",
        "Value": written(value.amount, value.currency) if value else "none",
        "Owner": owner or "nobody",
    }
