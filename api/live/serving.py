"""A server that can stop while streams are open."""

import socket

import uvicorn

from api.live.feed import Feed


class Server(uvicorn.Server):
    """Ends every live stream first when it stops; uvicorn would wait for them as for any other answer."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, as uvicorn does."""
        feed: Feed | None = getattr(getattr(self.config.app, "state", None), "live", None)
        if feed is not None:
            feed.close()
        await super().shutdown(sockets)
