"""The way in: who is signed in goes to the board."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.pages.visit import Visit, visitor

router = APIRouter()


@router.get("/")
def start(visit: Annotated[Visit, visitor("deals:read")]) -> Response:
    """Lead to where the day begins."""
    return visit.redirect("/board")
