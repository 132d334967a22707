"""What answers look like: the models that document them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A documented answer; members may be added to it."""

    model_config = ConfigDict(extra="allow")


class Written(Shape):
    """A write: the record's id, the position in the log of the last event that it came to, the record's version."""

    id: str
    position: int
    version: int
    anomalies: list[str] = Field(
        [], description="What looks wrong about the record now; the fact was recorded even so."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "7f6f4e9e-5a0f-5d0c-9f0e-2f5d0c6b8a11", "position": 42, "version": 1}]
        }
    )


class KeyMade(Written):
    """A key that was handed out, and its secret."""

    secret: str


class KeyShape(Shape):
    """A key: what it is for, what it may do, its last use to the minute."""

    id: str
    name: str
    role: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class KeysShape(Shape):
    """All keys of the tenant."""

    data: list[KeyShape]


class LeadHandlingShape(Shape):
    """What becomes of an enquiry by itself; nothing for what is empty."""

    owners: list[str] = Field(description="Who takes turns with leads that nobody owns.")
    pipeline: str | None = Field(description="In whose first open stage a deal is opened.")
    subject: str | None = Field(description="The subject of the reply.")
    text: str | None = Field(description="The text of the reply.")
    forms: list[str] = Field(description="The forms that it is for; none: any.")


class RuleShape(Shape):
    """What an idle deal of a stage needs, and after how many days."""

    pipeline: str
    stage: str
    days: int
    task: str


class SettingsShape(Shape):
    """What is settled for the whole tenant; `version` is for If-Match."""

    owners: dict[str, str] = Field(description="The source that owns each customer field.")
    follow_ups: list[RuleShape]
    time_zone: str
    lead_handling: LeadHandlingShape
    version: int


class EventResult(Shape):
    """What became of one event of a batch: `status` as if it had been sent alone, and that answer's members."""

    event: str | None = Field(description="The event's id; null where none can be read.")
    status: int


class EventResults(Shape):
    """What became of each event of a batch, in its order."""

    results: list[EventResult]


class ProblemDocument(Shape):
    """RFC 9457: what is wrong. `code` is stable; `title` is for people."""

    type: str
    title: str
    status: int
    code: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:backstory:problem:deal-closed",
                    "title": "The deal is won or lost; it must be reopened first.",
                    "status": 422,
                    "code": "deal-closed",
                }
            ]
        }
    )
