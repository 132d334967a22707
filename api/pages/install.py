"""Putting the pages into an application."""

from fastapi import APIRouter, FastAPI

from api.live import routes as live
from api.pages import home, keys, people, provider, sign_in
from api.pages.assets import Assets, prefix
from api.pages.board import opening_routes as opening
from api.pages.board import routes as board
from api.pages.customers import change_routes as changing
from api.pages.customers import event_routes as events
from api.pages.customers import merge_routes as merging
from api.pages.customers import routes as customers
from api.pages.entrance import Entrance
from api.pages.lists import routes as lists
from api.pages.problems import tell
from api.pages.records import changing as deals
from api.pages.records import follow_ups, leads
from api.pages.records import routes as records
from api.pages.sessions import Sessions
from api.pages.settings import routes as settings
from api.people import People
from streams.log import Log

ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    sign_in.router,
    provider.router,
    people.router,
    keys.router,
    settings.router,
    board.router,
    opening.router,
    live.router,
    events.router,
    merging.router,
    changing.router,
    customers.router,
    lists.router,
    records.router,
    follow_ups.router,
    deals.router,
    leads.router,
)


def install(app: FastAPI, log: Log, entrance: Entrance) -> None:
    """Add the pages, their static files and how they say no."""
    app.state.sessions = Sessions(log, People(log))
    app.state.entrance = entrance
    app.state.tell_people = tell
    app.mount(prefix(), Assets(), name="static")
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
