"""Who may do what: one table of roles and actions, and the scopes that narrow a key."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

READS = frozenset(
    {
        "leads:read",
        "customers:read",
        "deals:read",
        "orders:read",
        "invoices:read",
        "pipelines:read",
        "settings:read",
    }
)
WRITES = frozenset(
    {
        "leads:write",
        "customers:write",
        "customers:merge",
        "deals:write",
        "orders:write",
        "invoices:write",
        "pipelines:write",
        "events:write",
        "settings:write",
    }
)
ADMINISTERS = frozenset({"people:read", "people:write", "keys:read", "keys:write"})
ACTIONS = READS | WRITES | ADMINISTERS
"""Everything that can be allowed: a resource and what is done with it."""

READ_BY: Mapping[str, str] = {
    "customer": "customers:read",
    "lead": "leads:read",
    "deal": "deals:read",
    "order": "orders:read",
    "refund": "orders:read",
    "invoice": "invoices:read",
    "message": "customers:read",
}
"""The action that one must be allowed to see a record of a kind, or anything of it."""

POLICY: Mapping[str, AbstractSet[str]] = {
    "admin": ACTIONS,
    "manager": READS | WRITES - {"events:write"},
    "rep": READS | {"leads:write", "customers:write", "deals:write", "invoices:write"},
    "analyst": READS,
    "engineer": READS,
    "service": READS | WRITES - {"customers:merge", "pipelines:write", "settings:write"},
    "client": frozenset(),
}
"""What each role may do within its tenant. A role that is not here may do nothing."""

ROLES = tuple(POLICY)
PERSONAL_ROLES = tuple(role for role in ROLES if POLICY[role] and role != "service")
"""The roles that a person can have: those that see something, and act for themselves."""
SOURCE = "source:"
"""The beginning of a scope that names a source in whose name a key may speak; without one it may in any."""
_OF_SOURCE = re.compile(rf"{SOURCE}[!-~]+")


def allowed(role: str, scopes: tuple[str, ...]) -> AbstractSet[str]:
    """Return what a key of this role may do: its role's actions, narrowed to those its scopes name, if they name any.

    An unknown role or scope allows nothing.
    """
    granted = POLICY.get(role, frozenset())
    named = {scope for scope in scopes if not scope.startswith(SOURCE)}
    return granted & named if named else granted


def sources(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sources that a key's scopes name."""
    return tuple(scope.removeprefix(SOURCE) for scope in scopes if scope.startswith(SOURCE))


def known_scope(scope: str) -> bool:
    """Say whether a scope means something."""
    return scope in ACTIONS or _OF_SOURCE.fullmatch(scope) is not None


def beyond(role: str, scopes: Iterable[str]) -> list[str]:
    """Return the actions among the scopes that a role does not allow: a key would be narrowed to nothing by them."""
    return sorted(ACTIONS.intersection(scopes) - POLICY.get(role, frozenset()))


def reading(action: str) -> str:
    """Return the action of reading what an action is about; of events, there is none."""
    return f"{action.partition(':')[0]}:read"
