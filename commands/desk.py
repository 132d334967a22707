"""The desk: what a run of commands has read from the log, kept current with what they decided."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commands.names import fresh
from domain import customer, deal, invoice, lead, message, order, person, pipeline, saved_filter, tenant
from domain.event import Event
from domain.ids import kind_of
from domain.record import EventsWithdrawn, effective
from streams.errors import WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Appended, Asked, Change, Claim, Recorded
from streams.routing import subject_of

Evolve = Callable[[Any, Any], Any]

AGGREGATES: Mapping[str, tuple[Any, Evolve]] = {
    "customer": (customer.NEW, customer.evolve),
    "lead": (lead.NEW, lead.evolve),
    "deal": (deal.NEW, deal.evolve),
    "order": (order.NEW, order.evolve),
    "refund": (order.NEW, order.evolve),
    "invoice": (invoice.NEW, invoice.evolve),
    "message": (message.NEW, message.evolve),
    "pipeline": (pipeline.NEW, pipeline.evolve),
    "tenant": (tenant.NEW, tenant.evolve),
    "filters": (saved_filter.NEW, saved_filter.evolve),
    "person": (person.NEW, person.evolve),
}
"""The initial state and the fold of each kind of stream."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stream as it stands: its version (0: it does not exist), state, customer and partition."""

    version: int
    state: Any
    customer_id: str | None = None
    partition: int | None = None


@dataclass(slots=True)
class Draft:
    """What one command has decided so far, and on what: versions it read, claims it looked up, events it gathered."""

    read: dict[str, int] = field(default_factory=dict)
    held: dict[tuple[str, str], str | None] = field(default_factory=dict)
    gathered: dict[str, int] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    releases: list[Claim] = field(default_factory=list)
    release_streams: list[str] = field(default_factory=list)
    destroy: list[str] = field(default_factory=list)
    reopen: list[str] = field(default_factory=list)
    anomalies: set[str] = field(default_factory=set)


class Desk:
    """Loads streams and claims of one tenant, and turns each command's decisions into one append.

    A later command of the same run is decided on what an earlier one decided, before either is recorded. Whatever a
    command read here must still be so at the position it gets; else it is refused and decided again.
    """

    def __init__(self, log: Log, tenant: str) -> None:
        self.log = log
        self.tenant = tenant
        self._loaded: dict[str, Loaded] = {}
        self._holders: dict[tuple[str, str], str | None] = {}
        self._unrecorded: set[str] = set()
        self.draft = Draft()

    def prefetch(
        self,
        streams: Iterable[str],
        claims: Iterable[tuple[str, str]],
        command_ids: Iterable[str] = (),
    ) -> Mapping[str, tuple[bytes, Appended]]:
        """Read at once what a run of commands will need; anything else is read when asked for.

        Return the fingerprint and first answer of each of the commands that was answered before.
        """
        wanted = [claim for claim in set(claims) if claim not in self._holders]
        missing = {stream for stream in streams if stream not in self._loaded}
        look = self.log.look(
            self.tenant, streams=sorted(missing), claims=sorted(wanted), command_ids=command_ids
        )
        self._holders.update((claim, look.holders.get(claim)) for claim in wanted)
        for stream, events in look.events.items():
            if stream not in self._loaded:
                self._loaded[stream] = folded(stream, events)
                if not events:
                    self._unrecorded.add(stream)
        return look.answered

    def fresh(self, kind: str) -> str:
        """Return the stream of a record that nobody has named yet; it is new, so nothing is read for it."""
        stream = fresh(kind)
        self._loaded[stream] = Loaded(0, AGGREGATES[kind][0])
        self._unrecorded.add(stream)
        return stream

    def load(self, stream: str) -> Loaded:
        """Return a stream as it stands, with what this run has decided about it."""
        if stream in self.draft.loaded:
            return self.draft.loaded[stream]
        if stream not in self._loaded:
            self.prefetch([stream], [])
        loaded = self._loaded[stream]
        self.draft.read[stream] = loaded.version
        return loaded

    def histories(self, streams: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the recorded events of streams, each as it stands in the log, whatever this run has decided."""
        found = self.log.streams(self.tenant, streams)
        self._loaded.update((stream, folded(stream, events)) for stream, events in found.items())
        self.draft.read.update((stream, self._loaded[stream].version) for stream in found)
        return found

    def state(self, stream: str) -> Any:  # noqa: ANN401 - each kind of stream has a state of its own
        """Return the state of a stream as it stands."""
        return self.load(stream).state

    def expect(self, stream: str, expected: int | None) -> None:
        """Raise WrongExpectedVersion unless the stream is at the version the asker saw, if they said one."""
        current = self.load(stream).version
        if expected is not None and expected != current:
            raise WrongExpectedVersion(stream=stream, expected=expected, current=current)

    def holder(self, kind: str, value: str, *, of: str | None = None) -> str | None:
        """Return the stream that holds a claim, or None.

        `of` is the stream without which there can be no such claim: while it is new, nothing is read.
        """
        for claim in self.draft.claims:
            if (claim.kind, claim.value) == (kind, value):
                return claim.stream
        if (kind, value) not in self._holders:
            if of in self._unrecorded:
                self._holders[kind, value] = None
            else:
                self.prefetch([], [(kind, value)])
        holder = self._holders[kind, value]
        self.draft.held[kind, value] = holder
        return holder

    def streams_of_customer(self, customer_id: str) -> list[str]:
        """Return every stream with an event of this customer."""
        found = self.log.streams_of_customer(self.tenant, customer_id)
        self.draft.gathered[customer_id] = max(found.values(), default=0)
        return list(found)

    def append(self, stream: str, events: Sequence[Event], *, customer_id: str | None = None) -> None:
        """Decide these events for a stream; the customer, once known, stays the stream's own until another comes."""
        if not events:
            return
        before = self.load(stream)
        _, evolve = AGGREGATES[kind_of(stream)]
        state = before.state
        for event in events:
            state = evolve(state, event)
        self.draft.events.setdefault(stream, []).extend(events)
        whose = customer_id or before.customer_id
        partition = before.partition
        if partition is None:
            partition = self.log.partition_of(self.tenant, subject_of(stream, whose))
        self.draft.loaded[stream] = Loaded(before.version + len(events), state, whose, partition)

    def withdraw(self, stream: str, events: Sequence[Event], history: Sequence[Recorded]) -> None:
        """Decide that what these events name never happened in a stream, of which `history` is all that is recorded."""
        if not events:
            return
        self.append(stream, events)
        named = {v for event in events if isinstance(event, EventsWithdrawn) for v in event.versions}
        state = folded(stream, history, without=named).state
        self.draft.loaded[stream] = replace(self.draft.loaded[stream], state=state)

    def answer_about(self, stream: str) -> None:
        """Let the append answer with the version of this stream, even if nothing was decided for it."""
        self.draft.loaded.setdefault(stream, self.load(stream))
        self.draft.events = {stream: self.draft.events.get(stream, []), **self.draft.events}

    def claim(self, kind: str, value: str, stream: str) -> None:
        """Take a value for a stream alone; the append is refused when another was faster."""
        if self.holder(kind, value) != stream:
            self.draft.claims.append(Claim(kind=kind, value=value, stream=stream))

    def release(self, kind: str, value: str, stream: str) -> None:
        """Give a value back, if the stream holds it."""
        if self.holder(kind, value) == stream:
            self.draft.releases.append(Claim(kind=kind, value=value, stream=stream))

    def begin(self) -> None:
        """Start a command: what a refused one had decided is gone."""
        self.draft = Draft()

    def close(self, *, asked: Asked | None, actor: str, source: str, **links: str | None) -> Append:
        """End a command: return its append, and let the commands after it see its decisions."""
        draft = self.draft
        changes = [
            Change(
                stream=stream,
                expected=draft.loaded[stream].version - len(events),
                events=events,
                customer_id=draft.loaded[stream].customer_id,
                partition=draft.loaded[stream].partition,
            )
            for stream, events in draft.events.items()
        ]
        self._loaded |= draft.loaded
        for claim in draft.releases:
            self._holders[claim.kind, claim.value] = None
        for place, holder in self._holders.items():
            if holder in draft.release_streams:
                self._holders[place] = None
        for claim in draft.claims:
            self._holders[claim.kind, claim.value] = claim.stream
        return Append(
            tenant=self.tenant,
            changes=changes,
            actor=actor,
            source=source,
            asked=asked,
            claims=draft.claims,
            releases=draft.releases,
            release_streams=draft.release_streams,
            destroy=draft.destroy,
            reopen=draft.reopen,
            relied={stream: version for stream, version in draft.read.items() if stream not in draft.events},
            held=draft.held,
            gathered=draft.gathered,
            **links,
        )


def folded(stream: str, events: Sequence[Recorded], without: Collection[int] = ()) -> Loaded:
    """Return a stream as it stands after its first `events`, or would without some, named by version."""
    if not events:
        return Loaded(0, AGGREGATES[kind_of(stream)][0])
    state, evolve = AGGREGATES[kind_of(stream)]
    customer_id = None
    for version, event in effective([(recorded.version, recorded.event) for recorded in events]):
        if version in without:
            continue
        state = evolve(state, event)
        if not isinstance(event, EventsWithdrawn):
            customer_id = events[version - 1].customer_id or customer_id
    return Loaded(events[-1].version, state, customer_id, events[0].partition)
