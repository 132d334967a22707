"""The pages by which two customers become one, and two again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.http.v1.border import PathId
from api.pages.customers.feed import Text
from api.pages.customers.identity import Identity, identity
from api.pages.customers.merging import candidates, moves, named
from api.pages.customers.routes import exist, known
from api.pages.customers.versions import version_of
from api.pages.seen import version_seen
from api.pages.visit import Visit, visitor
from commands.command import MergeCustomers, UnmergeCustomer
from domain.customer import CustomerForgotten
from domain.errors import InvalidValue

router = APIRouter()
Merger = Annotated[Visit, visitor("customers:merge")]
LONGEST = 500
Other = Annotated[str | None, Query(alias="with", max_length=100)]


@router.get("/customers/{customer_id}/merge")
def choose(visit: Merger, customer_id: PathId, other_id: Other = None, q: Text = "") -> Response:
    """Let the visitor find the other customer, then show both side by side and what would move.

    Raises CustomerForgotten where either was forgotten.
    """
    owners = visit.settings.owners
    with visit.reading() as connection:
        who = known(connection, customer_id)
        card = _mergeable(identity(connection, who, owners))
        if other_id is None or known(connection, other_id).customer_id == who.customer_id:
            return visit.page(
                "customers/merge.html",
                card=card,
                other=None,
                q=q,
                suspected=named(connection, card.suspected),
                found=candidates(connection, who.customer_id, q.strip()) if q.strip() else (),
            )
        other = _mergeable(identity(connection, known(connection, other_id), owners))
        here, there = moves(connection, card.customer_id), moves(connection, other.customer_id)
    return visit.page(
        "customers/merge.html",
        card=card,
        other=other,
        moves=here,
        other_moves=there,
        version=version_of(visit, f"customer-{card.customer_id}", card.position),
        other_version=version_of(visit, f"customer-{other.customer_id}", other.position),
    )


@router.post("/customers/{customer_id}/merge")
def merge(visit: Merger, customer_id: PathId) -> Response:
    """Show one of two customers under the other."""
    other_id = visit.form.get("other", "")
    exist(visit, customer_id, other_id)
    stays, goes, version = customer_id, other_id, version_seen(visit, "seen-other")
    if visit.form.get("stays") == "other":
        stays, goes, version = other_id, customer_id, version_seen(visit, "seen-this")
    command = MergeCustomers(loser=goes, survivor=stays, reason=reason(visit))
    visit.passed(visit.do(command, expected=version).position)
    return visit.redirect(
        f"/customers/{stays}", flash="Two customers are one now. It can be taken back at any time: see above."
    )


@router.post("/customers/{customer_id}/unmerge")
def unmerge(visit: Merger, customer_id: PathId) -> Response:
    """Let a merged customer stand for itself again."""
    merged = visit.form.get("merged", "")
    exist(visit, customer_id, merged)
    command = UnmergeCustomer(customer_id=merged, reason=reason(visit))
    visit.passed(visit.do(command).position)
    return visit.redirect(f"/customers/{customer_id}", flash="They are two customers again.")


def _mergeable(card: Identity) -> Identity:
    if card.forgotten:
        raise CustomerForgotten(customer_id=card.customer_id)
    return card


def reason(visit: Visit) -> str:
    """Return why, as the form says. Raises InvalidValue where it says nothing."""
    told = visit.form.get("reason", "").strip()
    if not told or len(told) > LONGEST:
        raise InvalidValue(field="reason", rule=f"1 to {LONGEST} characters")
    return told
