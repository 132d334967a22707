"""People who are in the shops' books twice: found by their address, merged by hand, suggested, once merged wrongly."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from api.demo.deals import OFFICE
from api.demo.dice import Dice, Step
from api.demo.people import Person, person
from api.demo.shops import BRITAIN, EUROPE, order_of
from commands.command import MergeCustomers, UnmergeCustomer
from domain.ids import external_id

_FIRST_PERSON, _FIRST_ORDER = 9_001, 4_000
_PAIRS = 10


def twins(tenant: str, ends: datetime) -> Iterator[Step]:
    """Yield the orders of people with two accounts, and what the office makes of them."""
    for number in range(_PAIRS):
        dice = Dice("twins", number)
        who = person(_FIRST_PERSON + number)
        at = dice.later(ends, -300 + 20 * number, -280 + 20 * number)
        yield from order_of(dice, EUROPE, _FIRST_ORDER + number, who.account(EUROPE.accounts, phone=True), at)
        yield from _twin(dice, tenant, number, who, at + timedelta(days=20))


def _twin(dice: Dice, tenant: str, number: int, who: Person, at: datetime) -> Iterator[Step]:
    account = who.account(BRITAIN.accounts)
    if number % 5 == 0:  # the same address in both shops: known to be the same at once
        yield from order_of(dice, BRITAIN, _FIRST_ORDER + number, account, at)
        return
    private = replace(account, email=f"private.{who.email}")
    yield from order_of(dice, BRITAIN, _FIRST_ORDER + number, private, at)
    later = at + timedelta(days=15)
    if number % 5 in {1, 2}:  # the phone of the other: a suggestion
        private = replace(private, phone=who.phone)
        yield from order_of(dice, BRITAIN, _FIRST_ORDER + _PAIRS + number, private, later)
    if number % 5 == 1:
        return
    loser = external_id(tenant, "customer", BRITAIN.source, who.account_id(BRITAIN.accounts))
    survivor = external_id(tenant, "customer", EUROPE.source, who.account_id(EUROPE.accounts))
    seen = dice.at_work(later, 8, 12)
    yield Step(seen, OFFICE, MergeCustomers(loser=loser, survivor=survivor, reason="the same name and phone"))
    if number == _PAIRS - 1:
        asked = dice.at_work(seen, 3, 9)
        yield Step(asked, OFFICE, UnmergeCustomer(customer_id=loser, reason="mother and daughter"))
