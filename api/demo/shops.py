"""Two shops and the lives of their orders: paid, sent, given back, cancelled; some told late or the wrong way round."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from api.demo.dice import Dice, Step
from commands.command import RecordCancellation, RecordOrder, RecordPayment, RecordRefund, RecordShipment
from domain.customer import Profile
from domain.order import OrderLine

_CENT = Decimal("0.01")
_GOODS = (
    ("TEA-SEN", "Sencha, 100 g", "12.90"),
    ("TEA-EAR", "Earl Grey, 100 g", "9.50"),
    ("TEA-ROO", "Rooibos, 250 g", "11.20"),
    ("TEA-OOL", "Oolong, 50 g", "18.00"),
    ("CUP-STO", "Stoneware cup", "14.90"),
    ("POT-IRO", "Iron teapot", "54.00"),
    ("POT-GLA", "Glass teapot", "32.50"),
    ("TIN-250", "Storage tin", "8.40"),
    ("SET-GIF", "Gift set", "39.00"),
)
_BACK = ("arrived broken", "does not suit", "wrong item sent", "arrived too late")
_METHODS = ("card", "card", "paypal", "invoice")


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop: the source it speaks as, the beginning of its customers' ids, its currency, its first order's number."""

    source: str
    accounts: str
    currency: str
    first: int


EUROPE = Shop("tea-shop", "eu", "EUR", 10_001)
BRITAIN = Shop("tea-shop-uk", "uk", "GBP", 50_001)
SHOPS = (EUROPE, BRITAIN)


def order_of(dice: Dice, shop: Shop, number: int, profile: Profile | None, at: datetime) -> Iterator[Step]:
    """Yield the life of an order; for about one in twenty-five the order is told after what became of it."""
    placed = _placed(dice, shop, number, profile, at)
    heard = dice.later(at, 2, 6) if dice.happens(0.04) else at
    yield Step(heard, shop.source, placed)
    if dice.happens(0.05):
        at = dice.later(at, 0.1, 1)
        cancelled = RecordCancellation(
            order_source_id=placed.source_id,
            reason=dice.one_of(("changed their mind", "out of stock")),
            occurred_at=at,
        )
        yield Step(at, shop.source, cancelled)
        return
    yield from _fulfilled(dice, shop, placed, at)


def _placed(dice: Dice, shop: Shop, number: int, profile: Profile | None, at: datetime) -> RecordOrder:
    lines = tuple(
        OrderLine(sku=sku, title=title, quantity=Decimal(dice.number(1, 3)), unit_price=Decimal(price))
        for sku, title, price in dice.some_of(_GOODS, 4)
    )
    goods = sum((line.quantity * line.unit_price for line in lines), Decimal(0))
    discount = (goods / 10).quantize(_CENT) if dice.happens(0.12) else Decimal(0)
    shipping = Decimal(0) if goods > 60 else Decimal("4.90")  # noqa: PLR2004 - free above
    order = RecordOrder(
        source_id=str(shop.first + number),
        currency=shop.currency,
        total=goods - discount + shipping,
        lines=lines,
        profile=profile,
        discount=discount,
        shipping=shipping,
        occurred_at=at,
    )
    odd = dice.happens(0.004)
    return replace(order, total=order.total + 5) if odd else order


def _fulfilled(dice: Dice, shop: Shop, placed: RecordOrder, at: datetime) -> Iterator[Step]:
    order = placed.source_id
    paid_at = dice.later(at, 0, 0.02) if dice.happens(0.85) else dice.later(at, 0.5, 4)
    paid = RecordPayment(
        order_source_id=order,
        payment_id=f"pay-{order}",
        currency=placed.currency,
        amount=placed.total,
        method=dice.one_of(_METHODS),
        occurred_at=paid_at,
    )
    yield Step(paid_at, shop.source, paid)
    sent_at = dice.at_work(paid_at, 0.3, 2.5)
    first, *others = placed.lines
    whole = not others or dice.happens(0.9)
    parts = {} if whole else {first.sku: first.quantity}
    yield Step(sent_at, shop.source, _sent(order, 1, sent_at, parts))
    if not whole:
        sent_at = dice.at_work(sent_at, 1, 6)
        yield Step(
            sent_at, shop.source, _sent(order, 2, sent_at, {line.sku: line.quantity for line in others})
        )
    if dice.happens(0.07):
        yield _given_back(dice, shop, placed, sent_at)


def _sent(order: str, number: int, at: datetime, quantities: dict[str, Decimal]) -> RecordShipment:
    return RecordShipment(
        order_source_id=order,
        shipment_id=f"parcel-{order}-{number}",
        quantities=quantities,
        complete=not quantities,
        occurred_at=at,
    )


def _given_back(dice: Dice, shop: Shop, placed: RecordOrder, at: datetime) -> Step:
    """Return a refund: of one line, sometimes of everything, rarely of more than was paid."""
    line = placed.lines[0]
    amount = line.unit_price if dice.happens(0.7) else placed.total
    amount = amount * 3 if dice.happens(0.03) else amount
    at = dice.later(at, 2, 18)
    refund = RecordRefund(
        source_id=f"back-{placed.source_id}",
        order_source_id=placed.source_id,
        currency=placed.currency,
        amount=min(amount, placed.total * 2),
        reason=dice.one_of(_BACK),
        lines=(replace(line, quantity=Decimal(1)),) if amount == line.unit_price else (),
        occurred_at=at,
    )
    heard = dice.later(at, 1, 5) if dice.happens(0.2) else at
    return Step(heard, shop.source, refund)
