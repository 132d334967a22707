"""A field that several sources tell: whose value stands, and what is offered against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.register import NEVER, Register, Stamp

EMPTY = ""
"""What a source tells to empty a field: no value of a field is blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A value that a source gave without owning the field, and when it did so `first` and `last`."""

    value: str
    first: Stamp
    last: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What each source told about one field, the same for any order of arrival.

    `owned` holds each owner's newest value, `offered` the others' values; `settled` when a person decided.
    That it is empty is told like a value: EMPTY.
    """

    owned: Mapping[str, Register[str]] = field(default_factory=dict)
    offered: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    settled: Stamp = NEVER

    @property
    def value(self) -> str | None:
        """The owner's newest value; the newest offer while the owner has told nothing. None where it is empty."""
        newest = _newest(self.owned.values()) or _newest(
            map(_as_register, map(_latest, self.offered.values()))
        )
        return None if newest is None else newest.value or None

    def told_by(self, source: str) -> Register[str] | None:
        """Return what a source told last, as the owner or not."""
        told = [self.owned[source]] if source in self.owned else []
        if source in self.offered:
            told.append(_as_register(_latest(self.offered[source])))
        return _newest(told)

    def knows(self, source: str, value: str, at: Stamp, *, by_owner: bool) -> bool:
        """Say whether hearing this changes nothing, whatever else may still arrive."""
        if by_owner:
            register = self.owned.get(source)
            return register is not None and register.value == value and at <= register.stamp
        return any(o.value == value and o.first <= at <= o.last for o in self.offered.get(source, ()))

    def latest(self) -> tuple[Stamp, ...]:
        """Return the stamps that a decision about this field must outdo."""
        offers = [offer.last for offers in self.offered.values() for offer in offers]
        return (self.settled, *(register.stamp for register in self.owned.values()), *offers)

    def against(self) -> Mapping[str, Register[str]]:
        """Return each source's newest offer that was not dismissed, once the owner has given a value."""
        if not self.owned:
            return {}
        newest = {source: _latest(offers) for source, offers in self.offered.items()}
        return {s: _as_register(offer) for s, offer in newest.items() if offer.first[:2] > self.settled[:2]}

    def own(self, source: str, value: str, at: Stamp) -> "Field":
        """Return the field after its owner `source` told it."""
        before = self.owned.get(source)
        register = Register(value, at) if before is None else before.offer(value, at)
        return replace(self, owned={**self.owned, source: register})

    def offer(self, source: str, value: str, at: Stamp) -> "Field":
        """Return the field after a source that does not own it told it."""
        others = {offer.value: offer for offer in self.offered.get(source, ())}
        before = others.get(value, Offer(value=value, first=at, last=at))
        others[value] = Offer(value=value, first=min(before.first, at), last=max(before.last, at))
        return replace(self, offered={**self.offered, source: tuple(sorted(others.values(), key=_by_value))})

    def settle(self, at: Stamp) -> "Field":
        """Return the field after a person dismissed all that was offered until then."""
        return replace(self, settled=max(self.settled, at))

    def forget(self) -> "Field":
        """Return the field after what was told is gone for ever."""
        return Field(settled=self.settled)


def _newest(registers: Iterable[Register[str]]) -> Register[str] | None:
    newest: Register[str] | None = None
    for register in registers:
        newest = register if newest is None else newest.join(register)
    return newest


def _latest(offers: tuple[Offer, ...]) -> Offer:
    return max(offers, key=lambda offer: (offer.last, repr(offer.value)))


def _as_register(offer: Offer) -> Register[str]:
    return Register(offer.value, offer.last)


def _by_value(offer: Offer) -> str:
    return offer.value
