"""A section of the settings, and the settings as they stand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.http.v1.administration import FollowUpsBody, LeadHandlingBody, OwnershipBody, TimeZoneBody
from api.pages.forms import read_form
from api.pages.visit import Visit
from commands.command import Command
from commands.desk import folded
from commands.names import SETTINGS
from domain.event import Event
from domain.tenant import Tenant
from streams.records import Recorded

Typed = Mapping[str, str]
"""The fields of a form as they were typed, or as they tell what stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the settings with a page of its own.

    `event` sets it, `typed` is how its form tells what stands, `said` what a form says as the `body` that HTTP takes,
    `place` the field of a form that a path of this body is about, `offers` what the form has people choose from.
    """

    name: str
    title: str
    event: type[Event]
    body: type[OwnershipBody | FollowUpsBody | TimeZoneBody | LeadHandlingBody]
    typed: Callable[[Tenant], Typed]
    said: Callable[[Typed], Mapping[str, object]]
    place: Callable[[Typed, str], str]
    offers: Callable[[Visit, Typed], Mapping[str, object]]

    @property
    def address(self) -> str:
        """Where it is changed."""
        return f"/settings/{self.name}"

    def asked(self, typed: Typed) -> tuple[Command | None, dict[str, str]]:
        """Return what a form asks for, or None and a sentence for each of its fields that is wrong."""
        body, wrong = read_form(self.body, self.said(typed))
        placed = {self.place(typed, path): sentence for path, sentence in wrong.items()}
        return None if body is None else body.command(), placed


@dataclass(frozen=True, slots=True)
class Standing:
    """The settings at `version`, and the last event of each kind."""

    version: int
    state: Tenant
    last: Mapping[type[Event], Recorded]

    def is_newer(self, section: Section, version: int) -> bool:
        """Say whether somebody has set the section since a version."""
        return section.event in self.last and self.last[section.event].version > version


def standing(visit: Visit) -> Standing:
    """Return the settings of the visitor's tenant as they stand."""
    events = visit.service.log.stream(visit.caller.tenant, SETTINGS)
    now = folded(SETTINGS, events)
    return Standing(now.version, now.state, {type(one.event): one for one in events})
