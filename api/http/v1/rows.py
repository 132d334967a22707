"""The rows of the lists, as documents: money as exact texts, times in UTC."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.http.v1.shapes import Shape

Amount = str


class Row(Shape):
    """What every row has: the position of the last event that touched it."""

    position: int


class PageShape(Shape):
    """What every list answers: rows, the cursor of the next page, the position that the list stands at."""

    next: str | None
    position: int


class LeadRow(Row):
    """An enquiry."""

    lead_id: str
    customer_id: str | None
    captured_at: datetime
    form: str | None
    status: str
    owner: str | None
    first_source: str | None
    first_medium: str | None
    first_campaign: str | None
    last_source: str | None
    last_medium: str | None
    last_campaign: str | None
    converted_at: datetime | None
    deal_id: str | None
    source: str | None
    source_id: str | None
    fields: dict[str, str] | None
    anomalies: Any = Field(None, description="What looks wrong.")


class LeadPage(PageShape):
    """A page of leads."""

    data: list[LeadRow]


class LeadRecord(LeadRow):
    """A lead with its version."""

    version: int
