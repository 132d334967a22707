"""Putting the pages into an application."""

from fastapi import APIRouter, FastAPI

from api.pages import home
from api.pages.assets import Assets, prefix
from api.pages.customers import event_routes as events
from api.pages.customers import merge_routes as merging
from api.pages.customers import routes as customers
from api.pages.problems import tell
from api.pages.sessions import Sessions
from streams.log import Log

ROUTERS: tuple[APIRouter, ...] = tuple(module.router for module in (home, events, merging, customers))


def install(app: FastAPI, log: Log) -> None:
    """Add the pages, their static files and how they say no."""
    app.state.sessions = Sessions(log)
    app.state.tell_people = tell
    app.mount(prefix(), Assets(), name="static")
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
