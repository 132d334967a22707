"""The addresses and words of a timeline on the page: what its chips lead to, and how days and times are called."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import Query
from markupsafe import Markup

from api.http.errors import Problem
from api.pages.customers.timeline import KINDS, Asked, Chip, Timeline
from api.pages.templates import LOCALE

_LONGEST = 200
Kinds = Annotated[list[str], Query(alias="kind", default_factory=list)]
Text = Annotated[str, Query(max_length=1_000)]
Count = Annotated[int | None, Query(ge=-1, le=2**62)]


def asked_of(kinds: Kinds, q: Text = "", show: Text = "", before: Count = None) -> Asked:
    """Return what the address asks of a timeline. Raises Problem 400 for a text that is too long."""
    q = q.strip()
    if len(q) > _LONGEST or "\x00" in q:
        rule = f"at most {_LONGEST} characters"
        raise Problem(400, "malformed", f"q: {rule}.", errors=[{"field": "q", "rule": rule}])
    known = frozenset(kinds) & KINDS.keys()
    return Asked(kinds=known, q=q, milestones=show == "milestones", before=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A page of a timeline as the template shows it.

    `first` is the place of its first entry among all; `total` says how many there are, -1 where nobody counted.
    """

    customer_id: str
    asked: Asked
    page: Timeline
    time_zone: str
    total: int
    chips: tuple[Chip, ...] = ()
    newest: int = 0
    first: int = 1
    last_day: date | None = None

    @property
    def older(self) -> str:
        """The address of the page with older events."""
        return f"/customers/{self.customer_id}?{self._query(self.asked, before=self._last)}"

    @property
    def older_part(self) -> str:
        """The address of older events alone; it tells what this page knows, so that the feed goes on."""
        known = {
            "before": self._last,
            "n": str(self.first + len(self.page.entries)),
            "of": str(self.total),
            "day": str(self.day_of(self.page.entries[-1].occurred_at)),
        }
        return f"/customers/{self.customer_id}/events?{self._query(self.asked, **known)}"

    def to(self, *, toggle: str = "", milestones: bool | None = None, clear: bool = False) -> Markup:
        """Return the attributes of a link to this timeline with a kind more or less, or all or milestones only."""
        asked = replace(self.asked, before=None)
        if toggle:
            asked = replace(asked, kinds=frozenset(asked.kinds ^ {toggle}))
        if milestones is not None:
            asked = replace(asked, milestones=milestones)
        if clear:
            asked = replace(asked, kinds=frozenset(), q="")
        query = self._query(asked)
        address = f"/customers/{self.customer_id}"
        return Markup(
            'href="{}" hx-get="{}" hx-target="#timeline" hx-swap="outerMorph" hx-push-url="{}"'
        ).format(f"{address}?{query}", f"{address}/timeline?{query}", f"{address}?{query}")

    def day_of(self, at: datetime) -> date:
        """Return the business day of a time."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def day_name(self, day: date) -> str:
        """Return how people call a day."""
        today = self.day_of(datetime.now(UTC))
        near = {today: "Today", today - timedelta(days=1): "Yesterday"}
        return near.get(day) or format_date(day, "EEEE, d MMMM y", locale=LOCALE)

    def clock(self, at: datetime) -> str:
        """Return the time of the day."""
        return f"{at.astimezone(ZoneInfo(self.time_zone)):%H:%M}"

    @property
    def _last(self) -> str:
        return str(self.page.entries[-1].position)

    @staticmethod
    def _query(asked: Asked, **more: str) -> str:
        told = [("kind", kind) for kind in sorted(asked.kinds)]
        told += [("q", asked.q)] if asked.q else []
        told += [("show", "milestones")] if asked.milestones else []
        return urlencode([*told, *more.items()])
