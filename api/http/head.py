"""HEAD: what GET would answer, without its body (RFC 9110)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GET_ONLY: set[str] = set()


class Head:
    """Asks for GET where HEAD is asked, and leaves the body of the answer out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not takes_head(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, sent)


def get_only(path: str) -> str:
    """Return the address of a route that does something, or whose answer does not end: HEAD of it is refused."""
    _GET_ONLY.add(path)
    return path


def takes_head(path: str) -> bool:
    """Say whether an address that can be asked by GET can be by HEAD."""
    return path not in _GET_ONLY
