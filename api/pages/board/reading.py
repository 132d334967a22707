"""Reading a board: totals over all deals, and the first cards of a column; SQL and what its rows say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import dict_row

from api.http.v1.listing import MERGES, STANDS
from api.pages.board.columns import Ageing, Card, days_ago, days_between
from api.pages.board.query import BoardQuery
from domain.pipeline import Outcome
from projections.deals import Deal, to_do

_KEPT = (
    "SELECT stage, outcome, currency, sum(parts)::bigint, sum(amount) FROM model.stage_totals "
    "WHERE pipeline = %(pipeline)s{where} GROUP BY stage, outcome, currency"
)
_COUNTED = """
SELECT d.stage, outcome, coalesce(currency, ''), count(*), coalesce(sum(amount), 0), {ages}
FROM (SELECT coalesce(stage, '') AS stage, outcome, currency, amount, stage_since
      FROM model.deals WHERE pipeline = %(pipeline)s AND opened_at IS NOT NULL{where}) AS d {limits}
GROUP BY d.stage, outcome, currency
"""
_AGED = """
SELECT d.stage, {ages} FROM (
    SELECT stage, stage_since FROM model.deals
    WHERE pipeline = %(pipeline)s AND outcome = 'open' AND opened_at IS NOT NULL{where}) AS d {limits}
GROUP BY d.stage
"""
_DAYS = """
SELECT d.stage, coalesce(sum(parts) FILTER (WHERE l.late IS NULL OR day >= l.soon), 0)::bigint,
       coalesce(sum(parts) FILTER (WHERE day < l.soon AND day >= l.late), 0)::bigint,
       coalesce(sum(parts) FILTER (WHERE day < l.late), 0)::bigint, sum(parts * greatest(%(today)s - day, 0))::bigint
FROM model.stage_days d
LEFT JOIN unnest(%(names)s::text[], %(soon)s::bigint[], %(late)s::bigint[]) AS l (stage, soon, late)
    ON l.stage = d.stage
WHERE pipeline = %(pipeline)s GROUP BY d.stage
"""
_AGES = (
    "count(*) FILTER (WHERE l.late IS NULL OR stage_since >= l.soon), "
    "count(*) FILTER (WHERE stage_since < l.soon AND stage_since >= l.late), "
    "count(*) FILTER (WHERE stage_since < l.late), coalesce(sum(greatest(%(today)s - stage_since::date, 0)), 0)"
)
_LIMITS = (
    "LEFT JOIN unnest(%(names)s::text[], %(soon)s::timestamptz[], %(late)s::timestamptz[]) AS l (stage, soon, late) "
    "ON l.stage = d.stage"
)
_CARDS = (
    "SELECT deal_id, customer_id, company, title, owner, amount, currency, stage, stage_since, outcome, closed_at, "
    "lost_reason, CASE WHEN next_follow_up_on IS NOT NULL AND outcome = 'open' THEN state END AS state, held_since, "
    "anomalies, position FROM model.deals "
    "WHERE deal_id = ANY(ARRAY(SELECT deal_id FROM model.deals WHERE pipeline = %(pipeline)s AND {names} "
    "AND opened_at IS NOT NULL{where} ORDER BY {order} LIMIT %(limit)s)) ORDER BY {order}"
)
_CUSTOMERS = f"""
SELECT t.customer_id, c.customer_id, coalesce(c.name, c.company, c.email)
FROM unnest(%s::text[]) AS t (customer_id) {MERGES}
JOIN model.customers c ON c.customer_id = {STANDS}
"""
_OWNERS = "SELECT DISTINCT owner FROM model.stage_totals WHERE pipeline = %s AND owner <> '' ORDER BY owner LIMIT 500"
_STAGES = "SELECT DISTINCT coalesce(stage, '') FROM model.deals WHERE deal_id = ANY(%s) AND pipeline = %s"
_BY_VALUE = "amount DESC NULLS LAST, stage_since, deal_id"
_BY_AGE = "stage_since, amount DESC NULLS LAST, deal_id"
_FIRST_DAY = date(1970, 1, 1)
_kinds = msgspec.json.Decoder(list[str])
_state = msgspec.json.Decoder(Deal).decode


class Total(NamedTuple):
    """What stands in a stage, by the name deals carry, with one outcome and in one currency ("": unpriced)."""

    stage: str
    outcome: Outcome
    currency: str
    deals: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one pipeline by one query, at one moment. `limits`: the days that each stage, by any name, allows."""

    connection: psycopg.Connection
    pipeline: str
    query: BoardQuery
    limits: Mapping[str, int]
    now: datetime
    position: int

    def totals(self) -> tuple[list[Total], dict[str, Ageing]]:
        """Return the totals over all deals that the filters let pass, and how long the open ones have been there.

        Both by the name of the stage that the deals carry.
        """
        if self.query.narrow:
            rows = self._aged(_COUNTED)
            ages = {row[0]: Ageing() for row in rows}
            for row in rows:
                if row[1] == "open":
                    ages[row[0]] += Ageing(*row[5:])
            return [_total(row) for row in rows], ages
        where, values = self.query.kept_conditions()
        kept = self.connection.execute(
            _KEPT.format(where=where).encode(), {**values, "pipeline": self.pipeline}
        )
        aged = self._aged(_AGED) if self.query.filters else self._days()
        return [_total(row) for row in kept], {stage: Ageing(*ages) for stage, *ages in aged}

    def _days(self) -> list[tuple[Any, ...]]:
        today = (self.now.date() - _FIRST_DAY).days
        values = {"pipeline": self.pipeline, "today": today, "names": list(self.limits)}
        values["soon"] = [today - limit // 2 for limit in self.limits.values()]
        values["late"] = [today - limit for limit in self.limits.values()]
        return self.connection.execute(_DAYS.encode(), values).fetchall()

    def _aged(self, statement: str) -> list[tuple[Any, ...]]:
        where, values = self.query.conditions(self.limits, self.now)
        values |= {"pipeline": self.pipeline, "today": self.now.date(), "names": list(self.limits)}
        values["soon"] = [days_ago(self.now, limit // 2) for limit in self.limits.values()]
        values["late"] = [days_ago(self.now, limit) for limit in self.limits.values()]
        text = statement.format(where=where, ages=_AGES, limits=_LIMITS)
        return self.connection.execute(text.encode(), values).fetchall()

    def owners(self) -> list[str]:
        """Return everyone who looks after a deal of the pipeline."""
        return [owner for (owner,) in self.connection.execute(_OWNERS, (self.pipeline,))]

    def open_cards(self, names: Sequence[str], limit: int | None, most: int, ageing: Ageing) -> list[Card]:
        """Return the first open deals of a stage: those over its limit, the longest there first, then by value.

        `ageing` tells how many of each there are: what is not there is not looked for.
        """
        if limit is None:
            return self._cards(names, " AND outcome = 'open'", _BY_VALUE, most, limit) if ageing.deals else []
        over = {"late": days_ago(self.now, limit)}
        cards: list[Card] = []
        if ageing.stuck:
            late = " AND outcome = 'open' AND stage_since < %(late)s"
            cards = self._cards(names, late, _BY_AGE, most, limit, over)
        if len(cards) < min(most, ageing.deals):
            early = " AND outcome = 'open' AND stage_since >= %(late)s"
            cards += self._cards(names, early, _BY_VALUE, most - len(cards), limit, over)
        return cards

    def closed_cards(self, names: Sequence[str], most: int) -> list[Card]:
        """Return the deals of a stage that closes them, or that is unknown, the newest first."""
        found = [
            card
            for outcome in ("open", "won", "lost")
            for card in self._cards(names, f" AND outcome = '{outcome}'", "stage_since DESC", most, None)
        ]
        return sorted(found, key=lambda card: card.since or self.now, reverse=True)[:most]

    def stages(self, deals: Sequence[str]) -> set[str]:
        """Return the stages that these deals are in now, by the names they carry."""
        rows = self.connection.execute(_STAGES, (list(deals), self.pipeline)) if deals else ()
        return {stage for (stage,) in rows}

    def _cards(  # noqa: PLR0913, PLR0917 - what a column shows
        self,
        names: Sequence[str],
        which: str,
        order: str,
        most: int,
        limit: int | None,
        values: Mapping[str, Any] | None = None,
    ) -> list[Card]:
        where, filters = self.query.conditions(self.limits, self.now)
        found = "stage = %(stage)s" if len(names) == 1 else "stage = ANY(%(names)s)"
        statement = _CARDS.format(names=found, where=which + where, order=order)
        told = {"stage": names[0], "names": list(names), "limit": most, **filters, **(values or {})}
        return self._read(statement, told, limit)

    def _read(self, statement: str, values: dict[str, Any], limit: int | None) -> list[Card]:
        cursor = self.connection.cursor(row_factory=dict_row)
        rows = cursor.execute(statement.encode(), {**values, "pipeline": self.pipeline}).fetchall()
        known = self._customers([row["customer_id"] for row in rows if row["customer_id"] is not None])
        return [self._card(row, known, limit) for row in rows]

    def _customers(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Return whom each id stands for now, and how they are called."""
        if not ids:
            return {}
        rows = self.connection.execute(_CUSTOMERS, (list(set(ids)),))
        return {ident: (customer_id, name) for ident, customer_id, name in rows}

    def _card(
        self, row: Mapping[str, Any], known: Mapping[str, tuple[str, str | None]], limit: int | None
    ) -> Card:
        customer_id, customer = known.get(row["customer_id"], (row["customer_id"], None))
        return Card(
            deal_id=row["deal_id"],
            title=row["title"] or "Untitled deal",
            company=row["company"],
            customer_id=customer_id,
            customer=customer,
            owner=row["owner"],
            amount=None if row["amount"] is None else Decimal(row["amount"]),
            currency=row["currency"],
            stage=row["stage"] or "",
            since=row["stage_since"],
            outcome=row["outcome"],
            closed_at=row["closed_at"],
            lost_reason=row["lost_reason"],
            next_step=to_do(_state(row["state"]))[0] if row["state"] else None,
            held=row["held_since"] is not None,
            anomalies=_kinds.decode(row["anomalies"]) if row["anomalies"] else [],
            seen=max(self.position, row["position"]),
            days=days_between(row["stage_since"], self.now),
            limit=limit,
            today=self.now.date(),
        )


def _total(row: Sequence[Any]) -> Total:
    stage, outcome, currency, deals, amount = row[:5]
    return Total(stage, outcome, currency, deals, Decimal(amount))
