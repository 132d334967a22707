"""What a tenant has decided that pages go by: its time zone, and who owns which field."""

from api.pages.visit import Visit
from commands.desk import Desk
from commands.names import SETTINGS
from domain.tenant import Tenant


def settings_of(visit: Visit) -> Tenant:
    """Return the settings of the visitor's tenant as they are at this moment."""
    state: Tenant = Desk(visit.service.log, visit.caller.tenant).state(SETTINGS)
    return state


def version_of(visit: Visit, stream: str, position: int) -> int:
    """Return the version that a record had at a position of the log: what the visitor saw of it."""
    with visit.service.log.connection() as connection:
        found = connection.execute(
            "SELECT version FROM log.events WHERE tenant = %s AND stream = %s AND position <= %s "
            "ORDER BY version DESC LIMIT 1",
            (visit.caller.tenant, stream, position),
        ).fetchone()
    return found[0] if found else 0
