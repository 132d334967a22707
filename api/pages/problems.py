"""Every no that a page says, designed: what is wrong, what one can do; for htmx a part of the page, for all a code."""

from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.http.errors import TABLE, Problem
from api.pages.forgery import SAFE
from api.pages.headers import PAGE_HEADERS
from api.pages.templates import environment
from api.pages.visit import Guest, is_partial, passing, sign_in_address

_HEADINGS = {
    400: "That cannot be asked",
    403: "Not allowed",
    404: "Nothing here",
    405: "Nothing here",
    409: "Someone was faster",
    412: "Someone was faster",
    413: "That is too large",
    422: "That does not fit the rules",
    429: "A moment, please",
    500: "Something went wrong here",
    503: "Back in a moment",
}


async def tell(request: Request, problem: Problem) -> Response:
    """Return how a page says no: the sign-in where that is what is missing, else the reason."""
    if problem.code == "sign-in-needed":
        to = sign_in_address(request)
        if is_partial(request):
            return Response(None, 401, {**PAGE_HEADERS, "HX-Redirect": "/sign-in"})
        return RedirectResponse(to, 303, dict(PAGE_HEADERS))
    partial = is_partial(request)
    text = (
        environment()
        .get_template("_problem.html" if partial else "problem.html")
        .render(
            visit=await _visit(request),
            flash=None,
            problem=problem,
            heading=_HEADINGS.get(problem.status, "That did not work"),
            path="/" + request.url.path.lstrip("/"),
            query=request.url.query,
            back=_page_before(request),
            seconds=int(problem.headers.get("Retry-After", 0)),
        )
    )
    retarget = {"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML"} if partial else {}
    return HTMLResponse(text, problem.status, {**PAGE_HEADERS, **problem.headers, **retarget})


def _page_before(request: Request) -> str | None:
    """Return the page of ours whose form was sent; None where none was, or the browser does not say."""
    told = request.headers.get("referer", "")
    ours = request.method not in SAFE and urlsplit(told).netloc == request.url.netloc
    return told if ours else None


async def _visit(request: Request) -> Guest | None:
    """Return the visit, also where no route was found; None where even that cannot be known now."""
    if hasattr(request.state, "visit"):
        found: Guest | None = request.state.visit
        return found
    try:
        return await passing(request) if request.method in SAFE else None
    except tuple(TABLE):
        return None
