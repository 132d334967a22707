"""The board's addresses: the page, the parts of it that have changed, a deal's move."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.v1.border import PathId
from api.pages.board.ageing import clock_of
from api.pages.board.making import make_board
from api.pages.board.moving import carry_out, standing
from api.pages.board.query import BoardQuery, query_of
from api.pages.headers import PAGE_HEADERS
from api.pages.saved import saved_filters, saving
from api.pages.visit import Visit, visitor
from streams.errors import WrongExpectedVersion

router = APIRouter()
Asked = Annotated[BoardQuery, Query()]
Reader = Annotated[Visit, visitor("deals:read")]
Writer = Annotated[Visit, visitor("deals:write")]
Seen = Annotated[int | None, Query(ge=0, le=2**62)]
saving(router, "board", "deals:read", query_of)


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved just now, and which stage it left, where that can be undone."""

    deal_id: str
    left: str | None


@router.get("/board")
def show(visit: Reader, query: Asked, moved: PathId | None = None, left: str | None = None) -> Response:
    """Show the board; after a move without scripts, what was moved and how to take it back."""
    with visit.reading() as connection:
        board = make_board(connection, query)
    told = Moved(moved, left) if moved else None
    saved = saved_filters(visit, "board", query.kept)
    return visit.page(
        "board/board.html", board=board, query=query, moved=told, saved=saved, freshness=board.freshness
    )


@router.get("/board/parts")
def parts(
    visit: Reader,
    query: Asked,
    deals: Annotated[list[str], Query(max_length=500)] = [],  # noqa: B006 - fastapi copies it
    columns: Annotated[list[int], Query(max_length=100)] = [],  # noqa: B006 - fastapi copies it
) -> Response:
    """Return the heads of all columns anew, and the columns where these deals are now, or that are asked for."""
    return _parts(visit, query, deals, columns)


@router.get("/board/deals/{deal_id}/age")
def age(visit: Reader, deal_id: PathId) -> Response:
    """Tell why a deal has the age it has; for people without scripts the page of the deal does."""
    if not visit.partial:
        return visit.redirect(f"/deals/{deal_id}")
    with visit.reading() as connection:
        return visit.page("board/_age.html", clock=clock_of(connection, deal_id))


@router.get("/board/deals/{deal_id}/move")
def ask_where(
    visit: Writer, deal_id: PathId, query: Asked, seen: Seen = None, stage: str | None = None
) -> Response:
    """Ask where a deal should go, and for what it lacks to go there."""
    now = standing(visit, deal_id, seen)
    missing = now.missing(stage, {}) if stage else []
    told: dict[str, Any] = {"query": query, "standing": now, "stage": stage, "seen": seen}
    return visit.page(_template(visit, "move"), missing=missing, **told)


@router.post("/board/deals/{deal_id}/move")
def move(
    visit: Writer,
    deal_id: PathId,
    query: Asked,
    columns: Annotated[list[int], Query(max_length=100)] = [],  # noqa: B006 - fastapi copies it
) -> Response:
    """Move a deal to a stage: asks for what is missing, tells who was faster, else answers with the new columns."""
    stage = visit.form.get("stage", "")
    position = _position(visit.form.get("seen", ""))
    now = standing(visit, deal_id, position)
    told: dict[str, Any] = {"query": query, "standing": now, "stage": stage, "seen": position}
    if missing := now.missing(stage, visit.form):
        return visit.page(_template(visit, "move"), 422, missing=missing, **told)
    try:
        answer = carry_out(visit, now, stage)
    except WrongExpectedVersion:
        return visit.page(_template(visit, "conflict"), 409, **told)
    shown = visit.passed(answer.position)
    left = None if "undo" in visit.form else now.now.stage
    if not visit.partial:
        return visit.redirect(query.address(moved=deal_id, left=left))
    if not shown:
        return Response(status_code=202, headers=dict(PAGE_HEADERS))
    return _parts(visit, query, [deal_id], columns, Moved(deal_id, left))


def _parts(
    visit: Visit,
    query: BoardQuery,
    deals: Sequence[str],
    columns: Collection[int],
    moved: Moved | None = None,
) -> Response:
    with visit.reading() as connection:
        board = make_board(connection, query, only=columns, deals=deals)
    return visit.page("board/_parts.html", board=board, query=query, moved=moved)


def _template(visit: Visit, name: str) -> str:
    return f"board/_{name}.html" if visit.partial else f"board/{name}.html"


def _position(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - a bigint
