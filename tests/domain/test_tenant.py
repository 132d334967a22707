from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain import pipeline, tenant
from domain.errors import InvalidValue
from domain.pipeline import DEFAULT, Pipeline, Stage
from domain.tenant import (
    ApiKeyCreated,
    ApiKeyRevoked,
    FollowUpRule,
    FollowUpRulesDefined,
    KeyExists,
    KeyNotFound,
    LeadHandlingDefined,
    OwnershipDefined,
    TimeZoneChosen,
)
from tests.domain.story import fold, given
from tests.examples import at

OWNED = OwnershipDefined(occurred_at=at(), owners={"email": "app"})
KEY: dict[str, Any] = {
    "key_id": "k-1",
    "name": "shop",
    "digest": "0" * 64,
    "role": "service",
    "scopes": ("write",),
}
CREATED = ApiKeyCreated(occurred_at=at(), **KEY)
REVOKED = ApiKeyRevoked(occurred_at=at(5), key_id="k-1", reason="leaked")


def test_ownership_is_defined_once() -> None:
    given().when(tenant.define_ownership, owners={"email": "app"}, at=at()).then(OWNED)
    given(OWNED).when(tenant.define_ownership, owners={"email": "app"}, at=at(5)).then_nothing()


def test_ownership_is_defined_anew_as_a_whole() -> None:
    anew = OwnershipDefined(occurred_at=at(5), owners={"name": "crm"})
    given(OWNED).when(tenant.define_ownership, owners={"name": "crm"}, at=at(5)).then(anew)
    assert fold(tenant, [OWNED, anew]).owners == {"name": "crm"}


def test_only_fields_of_customers_are_owned_and_by_somebody() -> None:
    given().when(tenant.define_ownership, owners={"colour": "app"}, at=at()).then_refuses(
        InvalidValue, field="colour"
    )
    given().when(tenant.define_ownership, owners={"email": " "}, at=at()).then_refuses(
        InvalidValue, field="email"
    )


HANDLING: dict[str, Any] = {
    "owners": ("olga", "pavel"),
    "pipeline": "sales",
    "subject": "Thank you",
    "text": "We call.",
    "forms": (),
}


def test_what_becomes_of_leads_is_defined_once_and_anew_as_a_whole() -> None:
    defined = LeadHandlingDefined(occurred_at=at(), **HANDLING)
    ask = {**HANDLING, "rules": DEFAULT}
    given().when(tenant.define_lead_handling, **ask, at=at()).then(defined)
    given(defined).when(tenant.define_lead_handling, **ask, at=at(5)).then_nothing()
    nothing = LeadHandlingDefined(occurred_at=at(5))
    empty = dict.fromkeys(("pipeline", "subject", "text", "rules")) | {"owners": (), "forms": ()}
    given(defined).when(tenant.define_lead_handling, **empty, at=at(5)).then(nothing)
    given().when(tenant.define_lead_handling, **empty, at=at(5)).then_nothing()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"owners": ("olga", " ")}, "owners"),
        ({"owners": ("olga", "olga")}, "owners"),
        ({"forms": ("",)}, "forms"),
        ({"rules": None}, "pipeline"),
        (
            {"rules": Pipeline(name="sales", version=1, stages=(Stage(name="Won", outcome="won"),))},
            "pipeline",
        ),
        ({"subject": None}, "subject"),
        ({"text": None}, "text"),
        ({"text": " "}, "text"),
        ({"subject": "Thank you\nBcc: all@example.org"}, "subject"),
    ],
)
def test_what_cannot_become_of_leads_is_refused_by_field(wrong: dict[str, Any], field: str) -> None:
    ask = {**HANDLING, "rules": DEFAULT} | wrong
    given().when(tenant.define_lead_handling, **ask, at=at()).then_refuses(InvalidValue, field=field)


RULE = FollowUpRule(pipeline="sales", stage="New", days=5, task="Call back")
PIPELINES = {"sales": DEFAULT, "none": pipeline.NEW}


def test_rules_for_follow_ups_are_defined_once_and_as_a_whole() -> None:
    defined = FollowUpRulesDefined(occurred_at=at(), rules=(RULE,))
    asked: dict[str, Any] = {"rules": (RULE,), "pipelines": PIPELINES, "at": at()}
    given().when(tenant.define_follow_ups, **asked).then(defined)
    given(defined).when(tenant.define_follow_ups, **asked).then_nothing()
    none = FollowUpRulesDefined(occurred_at=at(5), rules=())
    given(defined).when(tenant.define_follow_ups, rules=(), pipelines={}, at=at(5)).then(none)
    assert fold(tenant, [defined, none]).follow_ups == ()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"stage": "Nwe"}, "rules.0.stage"),
        ({"stage": "Won"}, "rules.0.stage"),
        ({"pipeline": "none"}, "rules.0.stage"),
        ({"days": 0}, "rules.0.days"),
        ({"task": " "}, "rules.0.task"),
        ({}, "rules.1.stage"),
    ],
)
def test_rules_are_for_open_stages_each_once_with_days_and_a_task(wrong: dict[str, Any], field: str) -> None:
    rules = (replace(RULE, **wrong),) if wrong else (RULE, replace(RULE, days=6))
    given().when(tenant.define_follow_ups, rules=rules, pipelines=PIPELINES, at=at()).then_refuses(
        InvalidValue, field=field
    )


def test_a_time_zone_is_chosen_once() -> None:
    chosen = TimeZoneChosen(occurred_at=at(), time_zone="Europe/Berlin")
    given().when(tenant.choose_time_zone, time_zone="Europe/Berlin", at=at()).then(chosen)
    given(chosen).when(tenant.choose_time_zone, time_zone="Europe/Berlin", at=at()).then_nothing()
    given().when(tenant.choose_time_zone, time_zone="UTC", at=at()).then_nothing()


@pytest.mark.parametrize(
    "zone",
    [
        "Mars/Olympus", "", "/etc/passwd", "../etc", "Europe", "CET\0", "localtime", "posixrules", "Factory",
        "right/UTC", "posix/Europe/Berlin",
    ],
)  # fmt: skip
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    given().when(tenant.choose_time_zone, time_zone=zone, at=at()).then_refuses(
        InvalidValue, field="time_zone"
    )


def test_a_business_day_is_a_day_of_the_tenants_zone() -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert tenant.business_day(late, "UTC") == date(2026, 3, 28)
    assert tenant.business_day(late, "Europe/Berlin") == date(2026, 3, 29)
    assert tenant.business_day(late, "America/New_York") == date(2026, 3, 28)


def test_a_key_is_handed_out_once() -> None:
    given().when(tenant.create_api_key, **KEY, at=at()).then(CREATED)
    given(CREATED).when(tenant.create_api_key, **KEY, at=at()).then_refuses(KeyExists, key_id="k-1")
    given(CREATED, REVOKED).when(tenant.create_api_key, **KEY, at=at()).then_refuses(KeyExists)


def test_a_key_is_revoked_once() -> None:
    given(CREATED).when(tenant.revoke_api_key, key_id="k-1", reason="leaked", at=at(5)).then(REVOKED)
    given(CREATED, REVOKED).when(tenant.revoke_api_key, key_id="k-1", reason="x", at=at(6)).then_nothing()
    given().when(tenant.revoke_api_key, key_id="k-1", reason="x", at=at(6)).then_refuses(KeyNotFound)
