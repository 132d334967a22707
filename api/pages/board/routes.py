"""The board's addresses: the page, the parts of it that have changed, a deal's move."""

from dataclasses import dataclass
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query, Response

from api.http.v1.border import PathId
from api.pages.board.ageing import clock_of
from api.pages.board.columns import Board, Column
from api.pages.board.making import make_board
from api.pages.board.moving import UNDO, carry_out, standing
from api.pages.board.query import BoardQuery, query_of
from api.pages.headers import PAGE_HEADERS
from api.pages.saved import saved_filters, saving
from api.pages.seen import Position, position_of
from api.pages.visit import Visit, visitor
from streams.errors import WrongExpectedVersion

router = APIRouter()
Asked = Annotated[BoardQuery, Query()]
Reader = Annotated[Visit, visitor("deals:read")]
Writer = Annotated[Visit, visitor("deals:write")]
saving(router, "board", "deals:read", query_of)


_MOVED = "SELECT coalesce(title, 'Untitled deal'), stage FROM read.deals WHERE deal_id = %s"


@dataclass(frozen=True, slots=True)
class Moved:
    """A deal that was moved just now, by the event at this position; the stage it left, where that can be undone."""

    deal_id: str
    left: str | None
    position: int
    title: str
    column: Column


@router.get("/board")
def show(
    visit: Reader, query: Asked, moved: PathId | None = None, left: str | None = None, at: Position = None
) -> Response:
    """Show the board; after a move without scripts, what was moved and how to take it back."""
    with visit.reading() as connection:
        board = make_board(connection, query)
        told = _moved(connection, board, moved, left, at) if moved and at is not None else None
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
    with visit.reading() as connection:
        board = make_board(connection, query, only=columns, deals=deals)
    return visit.page("board/_parts.html", board=board, query=query, moved=None)


@router.get("/board/deals/{deal_id}/age")
def age(visit: Reader, deal_id: PathId) -> Response:
    """Tell why a deal has the age it has; for people without scripts the page of the deal does."""
    if not visit.partial:
        return visit.redirect(f"/deals/{deal_id}")
    with visit.reading() as connection:
        return visit.page("board/_age.html", clock=clock_of(connection, deal_id))


@router.get("/board/deals/{deal_id}/move")
def ask_where(
    visit: Writer, deal_id: PathId, query: Asked, seen: Position = None, stage: str | None = None
) -> Response:
    """Ask where a deal should go, and for what it lacks to go there."""
    now = standing(visit, deal_id, seen)
    missing, wrong = now.lacks(stage, {}) if stage else ([], {})
    told: dict[str, Any] = {"query": query, "standing": now, "stage": stage, "seen": seen}
    return visit.page(_template(visit, "move"), missing=missing, wrong=wrong, **told)


@router.post("/board/deals/{deal_id}/move")
def move(
    visit: Writer,
    deal_id: PathId,
    query: Asked,
    columns: Annotated[list[int], Query(max_length=100)] = [],  # noqa: B006 - fastapi copies it
) -> Response:
    """Move a deal to a stage: asks for what is missing, tells who was faster, else answers with the new columns."""
    stage = visit.form.get("stage", "")
    position = position_of(visit.form.get("seen", ""))
    now = standing(visit, deal_id, position)
    told: dict[str, Any] = {"query": query, "standing": now, "stage": stage, "seen": position}
    undoes = UNDO in visit.form
    missing, wrong = ([], {}) if undoes else now.lacks(stage, visit.form)
    if missing:
        return visit.page(_template(visit, "move"), 422, missing=missing, wrong=wrong, **told)
    try:
        answer = carry_out(visit, now, stage)
    except WrongExpectedVersion:
        return visit.page(_template(visit, "conflict"), 409, **told)
    shown = visit.passed(answer.position)
    left = None if undoes else now.now.stage
    if not visit.partial:
        return visit.redirect(query.address(moved=deal_id, left=left, at=answer.position))
    if not shown:
        return Response(status_code=202, headers=dict(PAGE_HEADERS))
    with visit.reading() as connection:
        board = make_board(connection, query, only=columns, deals=[deal_id])
        moved = _moved(connection, board, deal_id, left, answer.position)
    return visit.page("board/_parts.html", board=board, query=query, moved=moved)


def _moved(
    connection: psycopg.Connection, board: Board, deal_id: str, left: str | None, position: int
) -> Moved | None:
    """Return what to say of a move; None where the deal is in none of the board's columns."""
    row = connection.execute(_MOVED, (deal_id,)).fetchone()
    column = next((one for one in board.columns if row and row[1] in one.names), None)
    return Moved(deal_id, left, position, row[0], column) if row and column else None


def _template(visit: Visit, name: str) -> str:
    return f"board/_{name}.html" if visit.partial else f"board/{name}.html"
