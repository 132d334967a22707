"""PostgreSQL without installing it."""

from api.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
