"""Making a board of what was read: stages in their order, what deals stand in that the rules do not know, sums."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from api.pages.board.columns import Ageing, Board, Card, Column, Money
from api.pages.board.pipelines import chosen, pipelines
from api.pages.board.query import BoardQuery
from api.pages.board.reading import Reader, Total
from api.pages.freshness import freshness
from domain.pipeline import Pipeline, Stage


def make_board(
    connection: psycopg.Connection,
    query: BoardQuery,
    *,
    only: Collection[int] | None = None,
    deals: Sequence[str] = (),
    now: datetime | None = None,
) -> Board:
    """Return the board that a query asks for.

    With `only`, cards are read for the columns of these numbers alone, and for those where these `deals` are.
    """
    shown = freshness(connection)
    known = pipelines(connection)
    rules = chosen(known, query.pipeline)
    limits = {
        name: stage.limit_days
        for stage in rules.stages
        if stage.limit_days is not None and stage.outcome == "open"
        for name in rules.names(stage.name)
    }
    reader = Reader(connection, rules.name, query, limits, now or datetime.now(UTC), shown.position)
    totals, ages = reader.totals()
    columns = [
        _column(number, stage, rules, totals, ages)
        for number, stage in enumerate(stages_of(rules, totals), start=1)
    ]
    if only is not None:
        holding = reader.stages(deals)
        only = {*only, *[column.number for column in columns if holding & set(column.names)]}
    columns = [_filled(column, reader, only) for column in columns]
    return Board(
        rules=rules,
        pipelines=list(known),
        owners=reader.owners(),
        columns=columns,
        freshness=shown,
        now=reader.now,
        money=_added(one for column in columns if not column.closing for one in column.money),
    )


def stages_of(rules: Pipeline, totals: Iterable[Total]) -> list[Stage]:
    """Return the stages of a pipeline, and after them those that deals are in though the rules know none such."""
    strange = {total.stage for total in totals if rules.stage(total.stage) is None}
    return [*rules.stages, *[Stage(name=name) for name in sorted(strange)]]


def _column(
    number: int, stage: Stage, rules: Pipeline, totals: Iterable[Total], ages: dict[str, Ageing]
) -> Column:
    known = stage in rules.stages
    names = rules.names(stage.name) if known else [stage.name]
    here = [total for total in totals if total.stage in names and _stands(stage, total, known=known)]
    aged = [ages[name] for name in names if name in ages] if stage.outcome == "open" else []
    return Column(
        number=number,
        stage=stage,
        known=known,
        names=names,
        deals=sum(total.deals for total in here),
        unpriced=sum(total.deals for total in here if not total.currency),
        money=_added([_money(total, stage, known=known) for total in here if total.currency]),
        ageing=sum(aged, Ageing()),
    )


def _stands(stage: Stage, total: Total, *, known: bool) -> bool:
    """Say whether these deals stand on the board: open ones anywhere, closed ones where deals are closed."""
    return total.outcome == "open" or not known or stage.outcome != "open"


def _money(total: Total, stage: Stage, *, known: bool) -> Money:
    likely = stage.probability if known else Decimal(total.outcome == "won")
    return Money(total.currency, total.amount, total.amount * likely)


def _added(parts: Iterable[Money]) -> list[Money]:
    """Add up by currency, in the order of the currencies: the same in every column."""
    sums: dict[str, Money] = {}
    for one in parts:
        before = sums.get(one.currency, Money(one.currency, Decimal(0), Decimal(0)))
        sums[one.currency] = Money(one.currency, before.amount + one.amount, before.weighted + one.weighted)
    return [sums[currency] for currency in sorted(sums)]


def _filled(column: Column, reader: Reader, only: Collection[int] | None) -> Column:
    """Give a column its cards, unless it is folded up or not asked for; one whose cards cannot be read says so."""
    folded = column.closing and not reader.query.closed
    if folded or (only is not None and column.number not in only):
        return column
    most = reader.query.shown(column.stage.name)
    try:
        with reader.connection.transaction():
            cards = _cards(column, reader, most)
    except psycopg.errors.QueryCanceled:
        return replace(column, failed=True, cards=[])
    return replace(column, cards=cards, shown=len(cards))


def _cards(column: Column, reader: Reader, most: int) -> list[Card]:
    if not column.deals:
        return []
    if column.closing or not column.known:
        return reader.closed_cards(column.names, most)
    return reader.open_cards(column.names, column.stage.limit_days, most, column.ageing)
