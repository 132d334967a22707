"""The one way between event objects and their stored form: JSON, sealed fields, old versions read as new ones."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

import domain
from domain.event import Event, registered, stored_as
from streams.errors import UnknownEventType, UnreadableEvent
from streams.keyring import Keyring, NewKey
from streams.records import Foreign
from streams.upcasts import UPCASTS, Upcast

FOREIGN = "es:"  # how the types of eventsourcing applications begin; their topic follows
SUBJECT, SEALED = "$subject", "$sealed"

for _module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{_module.name}")  # whoever reads the log knows every event


class Codec:
    """Encodes and decodes events. `upcasts` maps a stored name to (its successor, how to rewrite its data)."""

    def __init__(self, keyring: Keyring, upcasts: Mapping[str, Upcast] = UPCASTS) -> None:
        self._keyring = keyring
        self._upcasts = upcasts
        self._classes = registered()
        self._decoders = {name: msgspec.json.Decoder(cls) for name, cls in self._classes.items()}
        self._sealed = {name: stored_as(cls).sealed for name, cls in self._classes.items()}
        self._plain = frozenset(name for name, sealed in self._sealed.items() if not sealed)

    def encode(self, tenant: str, subject: str, event: Event, new: NewKey | None = None) -> tuple[str, bytes]:
        """Return the stored name and JSON of an event, its personal fields sealed under the subject's key.

        `new` is that key where it is recorded with the event.
        """
        how = stored_as(type(event))
        if not how.sealed:
            return how.name, msgspec.json.encode(event)
        data: dict[str, Any] = msgspec.to_builtins(event)
        personal = {name: data[name] for name in how.sealed if data[name] is not None}
        data.update(dict.fromkeys(how.sealed))
        if personal:
            data[SUBJECT] = subject
            data[SEALED] = self._keyring.seal(tenant, subject, how.name, msgspec.json.encode(personal), new)
        return how.name, msgspec.json.encode(data)

    def plain(self, *, besides: str) -> Mapping[str, Callable[[str | bytes], Event]]:
        """Return, by stored name, how an event with no sealed fields is decoded; all `besides` one."""
        return {name: self._decoders[name].decode for name in self._plain if name != besides}

    def seals(self, event: Event) -> bool:
        """Say whether an event tells something personal."""
        return any(getattr(event, name) is not None for name in stored_as(type(event)).sealed)

    def subject(self, tenant: str, name: str, data: str | bytes) -> tuple[str, str] | None:
        """Return the (tenant, subject) whose key opens this stored event; None when nothing in it is sealed."""
        if name in self._plain:
            return None
        found: str | None = msgspec.json.decode(data).get(SUBJECT)
        return None if found is None else (tenant, found)

    def forget(self, tenant: str, stream: str, customer_id: str | None) -> None:
        """Drop cached keys after the log said that this stream's personal data is erased."""
        self._keyring.drop(tenant, stream)
        if customer_id:
            self._keyring.drop(tenant, f"customer-{customer_id}")

    def decode(self, tenant: str, name: str, data: str | bytes) -> Event:
        """Return the event object of a stored event, upcast to its newest version.

        Raises UnknownEventType, UnreadableEvent (it names the field and the rule) or WrongMasterKey.
        """
        try:
            if name in self._plain:
                event: Event = self._decoders[name].decode(data)
                return event
            return self._convert(tenant, name, msgspec.json.decode(data))
        except msgspec.ValidationError as cause:
            raise UnreadableEvent(type=name, rule=str(cause)) from cause

    def _convert(self, tenant: str, name: str, data: dict[str, Any]) -> Event:
        data = self._opened(tenant, name, data)
        while name not in self._classes:
            if name.startswith(FOREIGN):
                return msgspec.convert(data | {"topic": name.removeprefix(FOREIGN)}, Foreign)
            if name not in self._upcasts:
                raise UnknownEventType(type=name)
            successor, rewrite = self._upcasts[name]
            try:
                data = rewrite(data)
            except (KeyError, TypeError, ValueError) as cause:
                field = f" at {cause}" if isinstance(cause, KeyError) else ""
                rule = f"the upcast to {successor} failed: {type(cause).__name__}{field}"
                raise UnreadableEvent(type=name, rule=rule) from cause
            name = successor
        event: Event = msgspec.convert(data, self._classes[name])
        return event

    def _opened(self, tenant: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
        subject, sealed = data.pop(SUBJECT, None), data.pop(SEALED, None)
        if subject is None or sealed is None:
            return data
        plain = self._keyring.open(tenant, subject, name, sealed)
        return data if plain is None else data | msgspec.json.decode(plain)
