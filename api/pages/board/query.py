"""What a board shows, as its address says: the pipeline and the filters, which hold for cards and totals alike."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from api.http.v1.listing import DEALS_SEARCHED, like, searched
from api.pages.board.columns import days_ago
from domain.errors import InvalidValue
from domain.pipeline import Stage

NOBODY = "-"
"""The owner of deals that have none."""
STEP = 25
"""Cards of a column to begin with, and how many more are shown at a time."""
_MOST = 8 * STEP
OVER = "over"
"""The age of deals that have been in their stage for longer than it allows."""


def _nothing_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Told = BeforeValidator(_nothing_if_blank)
Amount = Annotated[Annotated[Decimal, Field(ge=0, le=10**12)] | None, Told]
Word = Annotated[Annotated[str, Field(max_length=200)] | None, Told]


class BoardQuery(BaseModel):
    """The part of the address after the question mark. What is blank does not filter."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    pipeline: Word = None
    owner: Word = None
    age: Annotated[Annotated[str, Field(pattern=r"^(over|[0-9]{1,4})$")] | None, Told] = None
    least: Amount = None
    most: Amount = None
    q: Word = None
    closed: bool = False
    show: list[Annotated[str, Field(max_length=220)]] = Field(default=[], max_length=50)

    @property
    def filters(self) -> bool:
        """Whether anything but the pipeline narrows the board."""
        return any(value is not None for value in (self.owner, self.age, self.least, self.most, self.q))

    @property
    def narrow(self) -> bool:
        """Whether the filters go beyond what totals are kept by."""
        return any(value is not None for value in (self.age, self.least, self.most, self.q))

    def shown(self, stage: str) -> int:
        """Return how many cards of a stage are asked for."""
        for told in self.show:
            name, _, number = told.rpartition(":")
            if name == stage and number.isascii() and number.isdigit():
                return max(STEP, min(int(number[:4]), _MOST))
        return STEP

    def more(self, stage: str) -> str | None:
        """Return the address that shows more cards of a stage; None where that would be too many for a page."""
        shown = self.shown(stage)
        kept = [told for told in self.show if told.rpartition(":")[0] != stage]
        return None if shown >= _MOST else self.address(show=[*kept, f"{stage}:{shown + STEP}"])

    @property
    def kept(self) -> str:
        """What a saved filter keeps of the address: all but how many cards are shown."""
        return self.address("", show=[]).removeprefix("?")

    @property
    def unfiltered(self) -> str:
        """The address of this board without filters."""
        return self.address(owner=None, age=None, least=None, most=None, q=None)

    def listed(self, pipeline: str, stage: Stage) -> str:
        """Return the address of the list with the deals of a column, by what of the filters the list knows, too."""
        told = {"pipeline": pipeline, "stage": stage.name, "q": self.q}
        told["outcome"] = "open" if stage.outcome == "open" else None
        told["owner"] = None if self.owner == NOBODY else self.owner
        return f"/deals?{urlencode({name: value for name, value in told.items() if value is not None})}"

    def address(self, path: str = "/board", **changes: object) -> str:
        """Return the address of this board, with changes."""
        told = self.model_dump(exclude_defaults=True) | changes
        pairs = [(name, one) for name, value in told.items() for one in _each(value)]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def conditions(self, limits: Mapping[str, int], now: datetime) -> tuple[str, dict[str, Any]]:
        """Return the filters as SQL conditions on deals, each led by AND, and their values.

        `limits` are the days each stage allows: a deal of a stage without a limit is never over it.
        """
        found: list[str] = []
        values: dict[str, Any] = {}
        if self.owner is not None:
            found.append("owner IS NULL" if self.owner == NOBODY else "owner = %(owner)s")
            values["owner"] = self.owner
        if self.age == OVER:
            found.append(_over(limits, now, values))
        elif self.age is not None:
            found.append("stage_since < %(aged)s")
            values["aged"] = days_ago(now, int(self.age) - 1)
        if self.least is not None:
            found.append("amount >= %(least)s")
            values["least"] = self.least
        if self.most is not None:
            found.append("amount <= %(most)s")
            values["most"] = self.most
        if self.q is not None:
            found.append(f"({DEALS_SEARCHED} OR {searched('owner')})")
            values["q"] = like(self.q)
        return "".join(f" AND {condition}" for condition in found), values

    def kept_conditions(self) -> tuple[str, dict[str, Any]]:
        """Return the filters that kept totals can answer, as SQL conditions on those."""
        if self.owner is None:
            return "", {}
        return " AND owner = %(owner)s", {"owner": "" if self.owner == NOBODY else self.owner}


def query_of(parameters: Mapping[str, str]) -> str:
    """Return the query of the board that parameters ask for, always the same for the same. Raises InvalidValue."""
    try:
        return BoardQuery.model_validate(parameters).kept
    except ValidationError as wrong:
        raise InvalidValue(
            field=str(wrong.errors()[0]["loc"][0]), rule="as the board's filters have it"
        ) from None


def _over(limits: Mapping[str, int], now: datetime, values: dict[str, Any]) -> str:
    found = ["false"]
    for days in sorted(set(limits.values())):
        values |= {f"late{days}": days_ago(now, days)}
        values |= {f"names{days}": [name for name, limit in limits.items() if limit == days]}
        found.append(f"(stage = ANY(%(names{days})s) AND stage_since < %(late{days})s)")
    return f"(outcome = 'open' AND ({' OR '.join(found)}))"


def _each(value: object) -> list[str]:
    if value is None or value is False:
        return []
    if isinstance(value, list):
        return [str(one) for one in value]
    return ["true" if value is True else str(value)]
