"""The pages of the settings: what the rules are, for everyone; a form for each section, for those who set them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Response

from api.pages.customers.identity import LABELS
from api.pages.seen import version_seen
from api.pages.settings.rules import rows_of, with_another
from api.pages.settings.section import Section, Typed, standing
from api.pages.settings.sections import SECTIONS
from api.pages.visit import Visit, visitor
from domain.errors import InvalidValue
from streams.errors import WrongExpectedVersion

router = APIRouter()
Writer = Annotated[Visit, visitor("settings:write")]


@router.get("/settings")
def settings(visit: Annotated[Visit, visitor("settings:read")]) -> Response:
    """Show the rules, and who set them when."""
    return visit.page(
        "settings/page.html",
        sections=SECTIONS,
        standing=standing(visit),
        labels=LABELS,
        now=datetime.now(UTC),
    )


def _asking(section: Section) -> Callable[..., Response]:
    def ask(visit: Writer) -> Response:
        """Ask what a section should be."""
        now = standing(visit)
        return _form(visit, section, section.typed(now.state), now.version)

    return ask


def _changing(section: Section) -> Callable[..., Response]:
    def change(visit: Writer) -> Response:
        """Set a section, unless somebody has set it since it was seen; for `another` row show the form again."""
        version = version_seen(visit, "seen")
        if version is None:
            raise InvalidValue(field="seen", rule="a version")
        if "another" in visit.form:
            longer = with_another(visit.form)
            return _form(visit, section, longer, version, focus=f"stage-{rows_of(longer)[-1].number}")
        return _set(visit, section, version, version)

    return change


def _set(visit: Visit, section: Section, version: int, expected: int) -> Response:
    command, wrong = section.asked(visit.form)
    if command is None:
        return _form(visit, section, visit.form, version, wrong=wrong)
    try:
        answer = visit.do(command, expected=expected)
    except InvalidValue as refusal:
        wrong = {section.place(visit.form, refusal.detail["field"]): f"It must be {refusal.detail['rule']}."}
        return _form(visit, section, visit.form, version, wrong=wrong)
    except WrongExpectedVersion:
        now = standing(visit)
        if now.is_newer(section, version):
            return _form(visit, section, visit.form, now.version, overtaken=True)
        return _set(visit, section, version, now.version)  # this section stands as it was seen
    return visit.redirect(f"/settings#{section.name}", "Saved." if answer.events else "It is so already.")


def _form(  # noqa: PLR0913 - what forms differ by
    visit: Visit,
    section: Section,
    typed: Typed,
    version: int,
    *,
    wrong: Mapping[str, str] | None = None,
    focus: str = "",
    overtaken: bool = False,
) -> Response:
    return visit.page(
        "settings/change.html",
        422 if wrong else 409 if overtaken else 200,
        section=section,
        typed=typed,
        version=version,
        wrong=wrong or {},
        focus=focus or next(iter(wrong or ()), ""),
        standing=standing(visit) if overtaken else None,
        labels=LABELS,
        now=datetime.now(UTC),
        **section.offers(visit, typed),
    )


for _section in SECTIONS:
    router.add_api_route(_section.address, _asking(_section), methods=["GET"])
    router.add_api_route(_section.address, _changing(_section), methods=["POST"])
