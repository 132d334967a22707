"""Deals: an opportunity on its way through a pipeline's stages to won or lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import assert_never

from domain import money
from domain.errors import InvalidValue, Refusal
from domain.event import Event, stored
from domain.pipeline import Outcome, Pipeline, Stage
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import Register, after, stamp


@stored("deal-opened.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealOpened(Event):
    """An opportunity was opened in a stage of a pipeline."""

    source: str
    source_id: str | None = None
    pipeline: str
    stage: str
    title: str
    owner: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    customer_id: str | None = None
    lead_id: str | None = None
    company: str | None = None
    sequence: int = 0
    anomalies: tuple[str, ...] = ()


@stored("stage-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class StageChanged(Event):
    """The deal entered a stage; `sequence` is the source's own order where clocks are equal.

    By the pipeline's rules of that day, `pipeline_version` (0 where none was defined), the stage has this
    `outcome` (None where it is unknown), and `anomalies` names what looked wrong (`stage-unknown`).
    """

    stage: str
    source: str
    sequence: int = 0
    pipeline_version: int = 0
    outcome: Outcome | None = None
    anomalies: tuple[str, ...] = ()


@stored("deal-amount-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealAmountChanged(Event):
    """The deal's value is now estimated, or known, to be this."""

    amount: Decimal | None
    currency: str | None
    source: str
    sequence: int = 0


@stored("deal-owner-assigned.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealOwnerAssigned(Event):
    """A colleague took over the deal."""

    owner: str | None
    source: str
    sequence: int = 0


@stored("deal-retitled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealRetitled(Event):
    """The deal has a new title."""

    title: str
    source: str
    sequence: int = 0


@stored("deal-won.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealWon(Event):
    """The customer said yes."""

    source: str
    sequence: int = 0


@stored("deal-lost.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealLost(Event):
    """The customer, or we, said no."""

    source: str
    reason: str | None = None
    sequence: int = 0


@stored("deal-reopened.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealReopened(Event):
    """A closed deal is open again."""

    source: str
    sequence: int = 0


@stored("deal-linked-to-customer.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealLinkedToCustomer(Event):
    """The deal is with this customer; None takes the link back."""

    customer_id: str | None
    sequence: int = 0


@stored("follow-up-scheduled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpScheduled(Event):
    """Something is to be done about the deal by the end of `due_on`, a day in the tenant's time zone."""

    follow_up_id: str
    due_on: date
    task: str
    owner: str | None = None


@stored("follow-up-completed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpCompleted(Event):
    """The follow-up was done."""

    follow_up_id: str


@stored("deal-activity-recorded.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealActivityRecorded(Event):
    """Work on the deal or its quotes, as the source names it: `quote` `O_SENT` `complete`, by whom."""

    kind: str
    activity: str
    status: str | None = None
    by: str | None = None
    sequence: int = 0


DealEvent = (
    DealOpened
    | StageChanged
    | DealAmountChanged
    | DealOwnerAssigned
    | DealRetitled
    | DealWon
    | DealLost
    | DealReopened
    | DealLinkedToCustomer
    | FollowUpScheduled
    | FollowUpCompleted
    | DealActivityRecorded
    | PersonalDataErased
    | EventsWithdrawn
)


_MOVES = (StageChanged, DealWon, DealLost, DealReopened)


class DealNotFound(Refusal):
    """There is no such deal."""


class DealExists(Refusal):
    """This deal was opened before."""


class DealClosed(Refusal):
    """The deal is won or lost; it must be reopened first."""


class StageUnknown(Refusal):
    """The pipeline has no such stage."""


class StageNotReachable(Refusal):
    """A deal does not enter this stage from where it is."""


class StageRequirementMissing(Refusal):
    """The deal lacks what this stage requires."""


class MoveNotFound(Refusal):
    """What happened last to the deal is not a move that can be taken back."""


class FollowUpNotFound(Refusal):
    """There is no such follow-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a deal is worth."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What decisions about a deal need to know. `told` recognises a fact that is told again."""

    known: bool = False
    opened: Register[DealOpened | None] = Register(None)
    stage_told: Register[str | None] = Register(None)
    open_stage: Register[str | None] = Register(None)
    outcome_told: Register[Outcome] = Register("open")
    value: Register[Value | None] = Register(None)
    owner: Register[str | None] = Register(None)
    title: Register[str | None] = Register(None)
    customer: Register[str | None] = Register(None)
    follow_ups: Mapping[str, Register[FollowUpScheduled]] = field(default_factory=dict)
    completed: frozenset[str] = frozenset()
    told: frozenset[DealEvent] = frozenset()

    @property
    def pipeline(self) -> str | None:
        """The pipeline the deal is in; None while only its changes were reported."""
        return None if self.opened.value is None else self.opened.value.pipeline

    @property
    def lead_id(self) -> str | None:
        """The lead that the deal was opened for."""
        return None if self.opened.value is None else self.opened.value.lead_id

    @property
    def stage(self) -> str | None:
        """The stage the deal is in."""
        return self.stage_told.value

    @property
    def outcome(self) -> Outcome:
        """Open, won or lost."""
        return self.outcome_told.value


NEW = Deal()


def evolve(state: Deal, event: DealEvent) -> Deal:  # noqa: PLR0911 - one arm an event
    """Return the state after an event; of facts, any order gives the same."""
    if isinstance(event, PersonalDataErased | EventsWithdrawn):
        return state
    state = _entered(replace(state, known=True, told=state.told | {_fact(event)}), event)
    match event:
        case DealOpened():
            return _opened(state, event)
        case DealAmountChanged():
            at = stamp(event.occurred_at, event.sequence)
            return replace(state, value=state.value.offer(_value(event.amount, event.currency), at))
        case DealOwnerAssigned(owner=owner):
            return replace(state, owner=state.owner.offer(owner, stamp(event.occurred_at, event.sequence)))
        case DealRetitled(title=title):
            return replace(state, title=state.title.offer(title, stamp(event.occurred_at, event.sequence)))
        case DealLinkedToCustomer(customer_id=customer_id):
            at = stamp(event.occurred_at, event.sequence)
            return replace(state, customer=state.customer.offer(customer_id, at))
        case FollowUpScheduled(follow_up_id=ident):
            known = state.follow_ups.get(ident, Register(event))
            follow_ups = {**state.follow_ups, ident: known.offer(event, stamp(event.occurred_at))}
            return replace(state, follow_ups=follow_ups)
        case FollowUpCompleted(follow_up_id=ident):
            return replace(state, completed=state.completed | {ident})
        case StageChanged() | DealWon() | DealLost() | DealReopened() | DealActivityRecorded():
            return state
        case _:
            assert_never(event)


def _entered(state: Deal, event: DealEvent) -> Deal:
    """Hear what an event says about stage and outcome, by the rules that read models share."""
    stage, outcome = stage_of(event), outcome_of(event)
    if stage is not None:
        state = replace(state, stage_told=state.stage_told.offer(*stage))
        if outcome is None or outcome.value == "open":
            state = replace(state, open_stage=state.open_stage.offer(*stage))
    if outcome is not None:
        state = replace(state, outcome_told=state.outcome_told.offer(*outcome))
    return state


def _opened(state: Deal, event: DealOpened) -> Deal:
    at = stamp(event.occurred_at, event.sequence)
    value = _value(event.amount, event.currency)
    return replace(
        state,
        opened=state.opened.offer(event, at),
        title=state.title.offer(event.title, at),
        value=state.value if value is None else state.value.offer(value, at),
        owner=state.owner if event.owner is None else state.owner.offer(event.owner, at),
        customer=state.customer if event.customer_id is None else state.customer.offer(event.customer_id, at),
    )


def _value(amount: Decimal | None, currency: str | None) -> Value | None:
    return None if amount is None or currency is None else Value(amount=amount, currency=currency)


def stage_of(event: Event) -> Register[str] | None:
    """Return the stage that an event puts the deal in, with its stamp; the newest counts, for every fold.

    At the same time by the source's clock and sequence a won or lost stage comes after an open one.
    """
    match event:
        case DealOpened(stage=stage, sequence=sequence):
            return Register(stage, stamp(event.occurred_at, sequence, "0" + stage))
        case StageChanged(stage=stage, sequence=sequence, outcome=outcome):
            closing = "2" if outcome in {"won", "lost"} else "1"
            return Register(stage, stamp(event.occurred_at, sequence, closing + stage))
        case _:
            return None


def outcome_of(event: Event) -> Register[Outcome] | None:
    """Return the outcome that an event gives the deal, with its stamp; the newest counts, for every fold.

    What is said outright comes after what a stage of the same moment implies.
    """
    match event:
        case StageChanged(outcome="open" | "won" | "lost" as outcome, sequence=sequence):
            closing = "2" if outcome in {"won", "lost"} else "1"
            return Register(outcome, stamp(event.occurred_at, sequence, closing + event.stage))
        case DealReopened(sequence=sequence):
            return Register("open", stamp(event.occurred_at, sequence, "3open"))
        case DealLost(sequence=sequence):
            return Register("lost", stamp(event.occurred_at, sequence, "4lost"))
        case DealWon(sequence=sequence):
            return Register("won", stamp(event.occurred_at, sequence, "5won"))
        case _:
            return None


def _fact(event: DealEvent) -> DealEvent:
    """Return what makes a telling the same fact when it comes again, under whatever rules."""
    match event:
        case StageChanged():
            return replace(event, pipeline_version=0, outcome=None, anomalies=())
        case DealOpened():
            return replace(event, anomalies=())
        case _:
            return event


def _new(state: Deal, *events: DealEvent) -> list[DealEvent]:
    return [event for event in events if _fact(event) not in state.told]


def open(  # noqa: A001, PLR0913 - the word people use; a deal's fields
    state: Deal,
    *,
    source: str,
    source_id: str | None = None,
    pipeline: str,
    stage: str,
    title: str,
    owner: str | None = None,
    amount: Decimal | None = None,
    currency: str | None = None,
    customer_id: str | None = None,
    lead_id: str | None = None,
    company: str | None = None,
    sequence: int = 0,
    rules: Pipeline | None,
    at: datetime,
) -> list[DealEvent]:
    """Open a deal in a stage, or, with `source_id`, record that a source says it was opened.

    The request is refused where the rules have no such stage (StageUnknown) or the stage requires more
    (StageRequirementMissing), the fact is recorded with an anomaly. Nothing when told before.
    """
    event = DealOpened(
        occurred_at=at,
        source=source,
        source_id=source_id,
        pipeline=pipeline,
        stage=stage,
        title=title,
        owner=owner,
        amount=_checked_amount(amount, currency),
        currency=currency,
        customer_id=customer_id,
        lead_id=lead_id,
        company=company,
        sequence=sequence,
        anomalies=_anomalies(rules, stage),
    )
    if _fact(event) in state.told:
        return []
    if source_id is None:
        _check_opening(state, event, rules)
    return [event, *_closing(rules, stage, source=source, sequence=sequence, at=at)]


def _check_opening(state: Deal, event: DealOpened, rules: Pipeline | None) -> None:
    if state.opened.value is not None:
        raise DealExists
    if rules is not None:
        _check_requirements(evolve(state, event), _known_stage(rules, event.stage))


def move_to_stage(  # noqa: PLR0913 - a request's fields
    state: Deal, *, stage: str, rules: Pipeline | None, source: str, reason: str | None = None, at: datetime
) -> list[DealEvent]:
    """Move an open deal to another stage, if the rules allow it; nothing when it is there.

    Entering a stage that is won or lost closes the deal. Refuses with DealNotFound, DealClosed, StageUnknown,
    StageNotReachable or StageRequirementMissing.
    """
    _check_known(state)
    if state.outcome != "open":
        raise DealClosed(outcome=state.outcome)
    if stage == state.stage or (rules is not None and _is_in(state, _known_stage(rules, stage), rules)):
        return []
    return _entering(rules, _allowed(state, stage, rules), source=source, reason=reason, at=_now(state, at))


def undo_move(state: Deal, *, last: Mapping[int, Event], at: datetime) -> list[DealEvent]:
    """Take back a move with all that came with it; `last` is what happened last, by version, and at once.

    Refuses with DealNotFound, or MoveNotFound where that is no move, or the opening of the deal too.
    """
    _check_known(state)
    told = last.values()
    if not any(isinstance(event, _MOVES) for event in told) or any(
        isinstance(event, DealOpened) for event in told
    ):
        raise MoveNotFound
    return [EventsWithdrawn(occurred_at=at, versions=tuple(last), reason=f"move to {state.stage} undone")]


def record_stage(  # noqa: PLR0913 - a fact's fields
    state: Deal,
    *,
    stage: str,
    rules: Pipeline | None,
    source: str,
    sequence: int = 0,
    reason: str | None = None,
    at: datetime,
) -> list[DealEvent]:
    """Record that a source says the deal entered a stage, whatever the rules; nothing when told before.

    `reason` says why it is lost, where the stage means so.
    """
    return _new(state, *_entering(rules, stage, source=source, sequence=sequence, reason=reason, at=at))


def _entering(  # noqa: PLR0913 - a fact's fields
    rules: Pipeline | None,
    stage: str,
    *,
    source: str,
    sequence: int = 0,
    reason: str | None = None,
    at: datetime,
) -> list[DealEvent]:
    changed = _changed(rules, stage, source=source, sequence=sequence, at=at)
    return [changed, *_closing(rules, stage, source=source, sequence=sequence, reason=reason, at=at)]


def _changed(
    rules: Pipeline | None, stage: str, *, source: str, sequence: int = 0, at: datetime
) -> StageChanged:
    known = rules.stage(stage) if rules is not None else None
    return StageChanged(
        occurred_at=at,
        stage=stage,
        source=source,
        sequence=sequence,
        pipeline_version=rules.version if rules is not None else 0,
        outcome=known.outcome if known is not None else None,
        anomalies=_anomalies(rules, stage),
    )


def _closing(  # noqa: PLR0913 - a fact's fields
    rules: Pipeline | None,
    stage: str,
    *,
    source: str,
    sequence: int = 0,
    reason: str | None = None,
    at: datetime,
) -> list[DealEvent]:
    known = rules.stage(stage) if rules is not None else None
    if known is None or known.outcome == "open":
        return []
    if known.outcome == "won":
        return [DealWon(occurred_at=at, source=source, sequence=sequence)]
    return [DealLost(occurred_at=at, source=source, reason=reason, sequence=sequence)]


def change_amount(
    state: Deal, *, amount: Decimal | None, currency: str | None, source: str, at: datetime
) -> list[DealEvent]:
    """Estimate the deal's value anew; nothing when it is so. Raises InvalidValue for no money."""
    _check_known(state)
    amount = _checked_amount(amount, currency)
    if _value(amount, currency) == state.value.value:
        return []
    at = after(at, state.value.stamp)
    return [DealAmountChanged(occurred_at=at, amount=amount, currency=currency, source=source)]


def record_amount(  # noqa: PLR0913 - a fact's fields
    state: Deal,
    *,
    amount: Decimal | None,
    currency: str | None,
    source: str,
    sequence: int = 0,
    at: datetime,
) -> list[DealEvent]:
    """Record what a source says the deal is worth; nothing when told before. Raises InvalidValue."""
    event = DealAmountChanged(
        occurred_at=at,
        amount=_checked_amount(amount, currency),
        currency=currency,
        source=source,
        sequence=sequence,
    )
    return _new(state, event)


def assign_owner(state: Deal, *, owner: str | None, source: str, at: datetime) -> list[DealEvent]:
    """Give the deal to a colleague; nothing when it is so."""
    _check_known(state)
    if owner == state.owner.value:
        return []
    return [DealOwnerAssigned(occurred_at=after(at, state.owner.stamp), owner=owner, source=source)]


def record_owner(
    state: Deal, *, owner: str | None, source: str, sequence: int = 0, at: datetime
) -> list[DealEvent]:
    """Record who a source says looks after the deal; nothing when told before."""
    return _new(state, DealOwnerAssigned(occurred_at=at, owner=owner, source=source, sequence=sequence))


def retitle(state: Deal, *, title: str, source: str, at: datetime) -> list[DealEvent]:
    """Give the deal another title; nothing when it is so. Raises InvalidValue for a blank one."""
    _check_known(state)
    if not title.strip():
        raise InvalidValue(field="title", value=title, rule="not blank")
    if title == state.title.value:
        return []
    return [DealRetitled(occurred_at=after(at, state.title.stamp), title=title, source=source)]


def win(state: Deal, *, source: str, at: datetime, rules: Pipeline | None = None) -> list[DealEvent]:
    """Close the deal as won, moving it to the won stage if the rules have one; nothing when it is won."""
    if _is_closed(state, "won"):
        return []
    at = _now(state, at)
    moved = _moved_to_close(state, "won", rules=rules, source=source, at=at)
    return [*moved, DealWon(occurred_at=at, source=source)]


def lose(
    state: Deal, *, reason: str, source: str, at: datetime, rules: Pipeline | None = None
) -> list[DealEvent]:
    """Close the deal as lost, moving it to the lost stage if the rules have one; nothing when it is lost."""
    if _is_closed(state, "lost"):
        return []
    at = _now(state, at)
    moved = _moved_to_close(state, "lost", rules=rules, source=source, at=at)
    return [*moved, DealLost(occurred_at=at, source=source, reason=reason)]


def _is_closed(state: Deal, outcome: Outcome) -> bool:
    _check_known(state)
    if state.outcome not in {"open", outcome}:
        raise DealClosed(outcome=state.outcome)
    return state.outcome == outcome


def _moved_to_close(
    state: Deal, outcome: Outcome, *, rules: Pipeline | None, source: str, at: datetime
) -> list[DealEvent]:
    stage = rules.first(outcome) if rules is not None else None
    if stage is None or _is_in(state, stage, rules):
        return []
    return [_changed(rules, _allowed(state, stage.name, rules), source=source, at=at)]


def reopen(state: Deal, *, source: str, at: datetime, rules: Pipeline | None = None) -> list[DealEvent]:
    """Open a closed deal again, in the open stage it was in last; nothing when it is open."""
    _check_known(state)
    if state.outcome == "open":
        return []
    at = _now(state, at)
    reopened = DealReopened(occurred_at=at, source=source)
    known = rules.stage(state.stage) if rules is not None and state.stage is not None else None
    if rules is None or known is None or known.outcome == "open":
        return [reopened]
    back = _last_open(state, rules)
    return [reopened] if back is None else [reopened, _changed(rules, back.name, source=source, at=at)]


def _last_open(state: Deal, rules: Pipeline) -> Stage | None:
    last = rules.stage(state.open_stage.value) if state.open_stage.value is not None else None
    return last if last is not None and last.outcome == "open" else rules.first("open")


def record_outcome(  # noqa: PLR0913 - a fact's fields
    state: Deal,
    *,
    outcome: Outcome,
    source: str,
    reason: str | None = None,
    sequence: int = 0,
    at: datetime,
) -> list[DealEvent]:
    """Record that a source says the deal is won, lost or open again; nothing when told before."""
    match outcome:
        case "won":
            return _new(state, DealWon(occurred_at=at, source=source, sequence=sequence))
        case "lost":
            return _new(state, DealLost(occurred_at=at, source=source, reason=reason, sequence=sequence))
        case "open":
            return _new(state, DealReopened(occurred_at=at, source=source, sequence=sequence))
        case _:
            assert_never(outcome)


def link_to_customer(
    state: Deal, *, customer_id: str | None, sequence: int = 0, at: datetime
) -> list[DealEvent]:
    """Record whose deal it is, by the clock of who says so; None takes it back. Nothing when told before."""
    return _new(state, DealLinkedToCustomer(occurred_at=at, customer_id=customer_id, sequence=sequence))


def schedule_follow_up(  # noqa: PLR0913 - a follow-up's fields
    state: Deal, *, follow_up_id: str, due_on: date, task: str, owner: str | None = None, at: datetime
) -> list[DealEvent]:
    """Plan something to be done about the deal by a day, or plan it anew; nothing when it is planned so."""
    _check_known(state)
    if not task.strip():
        raise InvalidValue(field="task", value=task, rule="not blank")
    known = state.follow_ups.get(follow_up_id)
    if known is not None:
        at = after(at, known.stamp)
    event = FollowUpScheduled(
        occurred_at=at, follow_up_id=follow_up_id, due_on=due_on, task=task, owner=owner
    )
    if known is not None and replace(event, occurred_at=known.value.occurred_at) == known.value:
        return []
    return [event]


def follow_up_idle(  # noqa: PLR0913 - a stay in a stage
    state: Deal, *, stage: str, since: datetime, task: str, due_on: date, at: datetime
) -> list[DealEvent]:
    """Plan what an idle deal needs, for its owner, once for each stay in a stage; nothing if it has moved on."""
    ident = f"idle-{since.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    if state.stage != stage or state.outcome != "open" or ident in state.follow_ups:
        return []
    return schedule_follow_up(
        state, follow_up_id=ident, due_on=due_on, task=task, owner=state.owner.value, at=at
    )


def complete_follow_up(state: Deal, *, follow_up_id: str, at: datetime) -> list[DealEvent]:
    """Note that a follow-up was done; nothing when that is known."""
    if follow_up_id not in state.follow_ups:
        raise FollowUpNotFound(follow_up_id=follow_up_id)
    if follow_up_id in state.completed:
        return []
    return [FollowUpCompleted(occurred_at=at, follow_up_id=follow_up_id)]


def record_activity(  # noqa: PLR0913 - a fact's fields
    state: Deal,
    *,
    kind: str,
    activity: str,
    status: str | None = None,
    by: str | None = None,
    sequence: int = 0,
    at: datetime,
) -> list[DealEvent]:
    """Record work that a source reports on the deal or its quotes; nothing when told before."""
    event = DealActivityRecorded(
        occurred_at=at, kind=kind, activity=activity, status=status, by=by, sequence=sequence
    )
    return _new(state, event)


def _check_known(state: Deal) -> None:
    if not state.known:
        raise DealNotFound


def _known_stage(rules: Pipeline, name: str) -> Stage:
    stage = rules.stage(name)
    if stage is None:
        raise StageUnknown(stage=name, stages=[known.name for known in rules.stages])
    return stage


def _now(state: Deal, at: datetime) -> datetime:
    """Return when a request about stage or outcome takes effect."""
    return after(at, state.stage_told.stamp, state.outcome_told.stamp)


def _allowed(state: Deal, stage: str, rules: Pipeline | None) -> str:
    """Return the current name of a stage that the rules let the deal enter."""
    if rules is None:
        return stage
    entered = _known_stage(rules, stage)
    _check_reachable(state, entered, rules)
    _check_requirements(state, entered)
    return entered.name


def _is_in(state: Deal, stage: Stage, rules: Pipeline | None) -> bool:
    return state.stage is not None and rules is not None and rules.current(state.stage) == stage.name


def _check_reachable(state: Deal, stage: Stage, rules: Pipeline) -> None:
    here = None if state.stage is None else rules.current(state.stage)
    if stage.enters_from is not None and here not in stage.enters_from:
        raise StageNotReachable(stage=stage.name, now=here, enters_from=list(stage.enters_from))


def _check_requirements(state: Deal, stage: Stage) -> None:
    has = {
        "amount": state.value.value,
        "owner": state.owner.value,
        "customer": state.customer.value,
        "title": state.title.value,
    }
    for need in stage.requires:
        if not has[need]:
            article = "an" if need[0] in "aeiou" else "a"
            raise StageRequirementMissing(
                stage=stage.name, missing=need, rule=f"{stage.name} needs {article} {need}"
            )


def _anomalies(rules: Pipeline | None, stage: str) -> tuple[str, ...]:
    return ("stage-unknown",) if rules is not None and rules.stage(stage) is None else ()


def _checked_amount(amount: Decimal | None, currency: str | None) -> Decimal | None:
    if amount is None:
        return None
    money.currency(currency or "")
    return money.amount(amount)
