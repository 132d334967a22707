"""A tenant's own affairs: API keys, owners of fields, follow-ups, the time zone, what becomes of leads."""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from api import lengths
from api.http.errors import Problem
from api.http.policy import ROLES, allowed, beyond, known_scope, sources
from api.http.v1.asking import Ask
from api.http.v1.border import Body, Name, PathId, Source, Text, examples
from api.http.v1.documented import read, written
from api.http.v1.entry import may
from api.http.v1.listing import Reading, begin
from api.http.v1.service import json_response
from api.http.v1.shapes import KeyMade, KeysShape, LeadHandlingShape, SettingsShape
from api.http.v1.strict import StrictRoute
from api.keys import list_keys, new_key
from commands.command import (
    ChooseTimeZone,
    DefineFollowUps,
    DefineLeadHandling,
    DefineOwnership,
    RevokeApiKey,
)
from commands.desk import Desk
from commands.names import SETTINGS
from domain.tenant import FollowUpRule, Tenant

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["administration"])
_keys, _settings = may("keys:write"), may("settings:write")
_FORBIDDEN = "A key hands out no more than it may do itself."


def _role(value: str) -> str:
    if value not in ROLES:
        raise ValueError(f"one of {', '.join(ROLES)}")
    return value


def _scope(value: str) -> str:
    if not known_scope(value):
        raise ValueError("an action such as orders:write, or a source such as source:shop")
    return value


Role = Annotated[str, AfterValidator(_role), WithJsonSchema({"type": "string", "enum": list(ROLES)})]
Scope = Annotated[Name, AfterValidator(_scope)]


class KeyBody(Body):
    """What or whom the key is for, and what it may do."""

    name: Name
    role: Role = "service"
    scopes: list[Scope] = Field([], max_length=50, description="Actions and sources; none: all of its role.")

    model_config = examples({"name": "the shop", "scopes": ["events:write", "source:shop"]})

    @model_validator(mode="after")
    def _is_narrowed(self) -> Self:
        if lacking := beyond(self.role, self.scopes):
            raise ValueError(f"scopes of what its role may do, not {', '.join(lacking)}")
        return self


class RevokedBody(Body):
    """Why the key ends."""

    reason: Text

    model_config = examples({"reason": "it was in a public repository"})


class OwnershipBody(Body):
    """The source that owns each field; who else tells one only leaves a conflict. Fields not named have no owner."""

    owners: dict[Name, Source] = Field(max_length=20)

    model_config = examples({"owners": {"email": "shop", "name": "crm"}})

    def command(self) -> DefineOwnership:
        """Return what is asked."""
        return DefineOwnership(owners=self.owners)


class RuleBody(Body):
    """A deal that has been in this open stage of the pipeline for so many days needs this to be done."""

    pipeline: Name
    stage: Name
    days: int = Field(ge=1, le=100_000)
    task: str = Field(min_length=1, max_length=lengths.TEXT)


class FollowUpsBody(Body):
    """All the rules there are, one for a stage; none: no deal gets a follow-up by itself."""

    rules: list[RuleBody] = Field(max_length=1_000)

    model_config = examples(
        {"rules": [{"pipeline": "sales", "stage": "Proposal", "days": 14, "task": "Ask for a decision"}]}
    )

    def command(self) -> DefineFollowUps:
        """Return what is asked."""
        return DefineFollowUps(rules=tuple(FollowUpRule(**rule.model_dump()) for rule in self.rules))


class TimeZoneBody(Body):
    """The IANA zone whose days are business days."""

    time_zone: Name

    model_config = examples({"time_zone": "Europe/Berlin"})

    def command(self) -> ChooseTimeZone:
        """Return what is asked."""
        return ChooseTimeZone(time_zone=self.time_zone)


class LeadHandlingBody(Body):
    """What becomes of an enquiry by itself; what is left out is not done.

    The `owners` take turns with leads that nobody owns; a deal is opened in the first open stage of the `pipeline`;
    `subject` and `text` are sent to who enquired by e-mail.
    """

    owners: list[Name] = Field([], max_length=100)
    pipeline: Name | None = None
    subject: Name | None = None
    text: Text | None = None
    forms: list[Name] = Field([], max_length=100, description="The forms that it is for; none: any.")

    model_config = examples(
        {
            "owners": ["olga", "pavel"],
            "pipeline": "sales",
            "subject": "Thank you for your enquiry",
            "text": "We have received your enquiry and answer within a working day.",
        }
    )

    def command(self) -> DefineLeadHandling:
        """Return what is asked."""
        return DefineLeadHandling(
            owners=tuple(self.owners),
            pipeline=self.pipeline,
            subject=self.subject,
            text=self.text,
            forms=tuple(self.forms),
        )


@router.get("/keys", **read(KeysShape))
def list_all_keys(query: Annotated[Reading, Query()], ask: Annotated[Ask, may("keys:read")]) -> Response:
    """Show every key in the order of creation, with its last use to the minute; never a secret."""
    begin(ask, query)
    return json_response({"data": list_keys(ask.service.log, ask.caller.tenant)})


@router.post("/keys", **written(KeyMade, versioned=False))
async def create_key(body: KeyBody, ask: Annotated[Ask, _keys]) -> Response:
    """Hand out a key. Its secret is in this answer only (and in that of the same request sent again).

    Nobody can hand out more than their own key may do.
    """
    ask_for, named = allowed(body.role, tuple(body.scopes)), set(sources(tuple(body.scopes)))
    if not ask_for <= ask.caller.actions or (ask.caller.sources and not named <= set(ask.caller.sources)):
        raise Problem(403, "forbidden", _FORBIDDEN)
    if ask.caller.sources and not named:
        raise Problem(403, "forbidden", _FORBIDDEN)
    secret, asked = new_key(body.name, body.role, tuple(body.scopes), seed=ask.seed("api-key"))
    return await ask.do(asked, versioned=False, shows={"secret": secret})


@router.post("/keys/{key_id}/revoked", **written(versioned=False))
async def revoke_key(key_id: PathId, body: RevokedBody, ask: Annotated[Ask, _keys]) -> Response:
    """End a key: within a second it opens nothing."""
    return await ask.do(RevokeApiKey(key_id=key_id, reason=body.reason), versioned=False)


@router.get("/settings", **read(SettingsShape))
def get_settings(query: Annotated[Reading, Query()], ask: Annotated[Ask, may("settings:read")]) -> Response:
    """Show who owns which customer field, which deals are followed up, the time zone, and what becomes of leads."""
    begin(ask, query)
    loaded = Desk(ask.service.log, ask.caller.tenant).load(SETTINGS)
    state: Tenant = loaded.state
    handling = state.lead_handling
    document = {
        "owners": state.owners,
        "follow_ups": state.follow_ups,
        "time_zone": state.time_zone,
        "lead_handling": {name: getattr(handling, name) for name in LeadHandlingShape.model_fields},
        "version": loaded.version,
    }
    return json_response(document, headers={"ETag": f'"{loaded.version}"'})


@router.put("/settings/ownership", **written(keyed=False))
async def define_ownership(body: OwnershipBody, ask: Annotated[Ask, _settings]) -> Response:
    """Say which source owns which customer field from now on."""
    return await ask.do(body.command())


@router.put("/settings/follow-ups", **written(keyed=False))
async def define_follow_ups(body: FollowUpsBody, ask: Annotated[Ask, _settings]) -> Response:
    """Say which deals get a follow-up by themselves from now on: once for each stay in a stage, due the same day."""
    return await ask.do(body.command())


@router.put("/settings/time-zone", **written(keyed=False))
async def choose_time_zone(body: TimeZoneBody, ask: Annotated[Ask, _settings]) -> Response:
    """Choose the time zone whose days are business days from now on."""
    return await ask.do(body.command())


@router.put("/settings/lead-handling", **written(keyed=False))
async def define_lead_handling(body: LeadHandlingBody, ask: Annotated[Ask, _settings]) -> Response:
    """Say what becomes of an enquiry by itself from now on: who owns it, which deal is opened, what is replied.

    It is done once for each new lead, in seconds; not for leads of an import, nor for what is told a day late.
    """
    return await ask.do(body.command())
