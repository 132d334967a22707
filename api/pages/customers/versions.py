"""Which version of a record a visitor saw."""

from api.pages.visit import Visit


def version_of(visit: Visit, stream: str, position: int) -> int:
    """Return the version that a record had at a position of the log: what the visitor saw of it."""
    with visit.service.log.connection() as connection:
        found = connection.execute(
            "SELECT version FROM log.events WHERE tenant = %s AND stream = %s AND position <= %s "
            "ORDER BY version DESC LIMIT 1",
            (visit.caller.tenant, stream, position),
        ).fetchone()
    return found[0] if found else 0
