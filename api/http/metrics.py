"""Figures in Prometheus' text format."""

from collections.abc import Callable, Sequence

from api.health import ModelHealth, PlaceHealth, ProjectorHealth, RelayHealth, projectors
from streams.kafka.intake_lag import IntakeLag

_OF_MODELS: tuple[tuple[str, str, Callable[[ModelHealth], float]], ...] = (
    ("backstory_model_position", "Last event folded into the read model.", lambda m: m.position),
    ("backstory_model_lag_events", "Events the read model has not seen.", lambda m: m.lag_events),
    ("backstory_model_lag_seconds", "Age of the oldest event it has not seen.", lambda m: m.lag_seconds),
    ("backstory_model_held_keys", "Keys held behind a bad event.", lambda m: m.held_keys),
    ("backstory_model_heartbeat_seconds", "Since a projector last spoke for it.", lambda m: m.heartbeat),
)
_OF_PLACES: tuple[tuple[str, str, Callable[[PlaceHealth], float]], ...] = (
    (
        "backstory_partition_lag_events",
        "Events of the partition that the read model has not seen.",
        lambda p: p.lag_events,
    ),
    ("backstory_partition_lag_seconds", "Age of the oldest of them.", lambda p: p.lag_seconds),
)
_OF_PROJECTORS: tuple[tuple[str, str, Callable[[ProjectorHealth], float]], ...] = (
    ("backstory_projector_partitions", "Partitions that the projector reads.", lambda p: len(p.partitions)),
    (
        "backstory_projector_lag_events",
        "Events it has not seen of the partition where it is furthest behind.",
        lambda p: p.lag_events,
    ),
    ("backstory_projector_lag_seconds", "Age of the oldest event it has not seen.", lambda p: p.lag_seconds),
)
_OF_RELAY: tuple[tuple[str, str, Callable[[RelayHealth], float]], ...] = (
    ("backstory_published_position", "Last event that every in-sync replica has.", lambda r: r.position),
    ("backstory_published_lag_events", "Events that are not published.", lambda r: r.lag_events),
    (
        "backstory_published_lag_seconds",
        "Age of the oldest event that is not published.",
        lambda r: r.lag_seconds,
    ),
    ("backstory_unpublished_keys", "Changed keys that are not published.", lambda r: r.keys),
    ("backstory_relay_heartbeat_seconds", "Since a relay last published or looked.", lambda r: r.heartbeat),
)
_OF_INTAKE: tuple[tuple[str, str, Callable[[IntakeLag], float]], ...] = (
    (
        "backstory_intake_lag_messages",
        "Published messages that the intake has not settled.",
        lambda i: i.messages,
    ),
    ("backstory_intake_lag_seconds", "Age of the oldest that it has not settled.", lambda i: i.seconds),
    (
        "backstory_intake_rejects",
        "Rejected messages from the first that nobody put right.",
        lambda i: i.rejects,
    ),
)


def render(
    head: int,
    models: Sequence[ModelHealth],
    places: Sequence[PlaceHealth],
    relay: RelayHealth | None,
    intake: IntakeLag | None = None,
) -> str:
    """Return every figure with its help and type."""
    lines = _metric("backstory_log_position", "Position of the newest event.", [("", head)])
    for name, told, measure in _OF_MODELS:
        lines += _metric(name, told, [(f'{{model="{model.name}"}}', measure(model)) for model in models])
    for name, told, of_place in _OF_PLACES:
        lines += _metric(name, told, [(_labels(place), of_place(place)) for place in places])
    for name, told, of_projector in _OF_PROJECTORS:
        labelled = [(f'{{worker="{one.worker}"}}', of_projector(one)) for one in projectors(places)]
        lines += _metric(name, told, labelled)
    if relay is not None:
        for name, told, of_relay in _OF_RELAY:
            lines += _metric(name, told, [("", of_relay(relay))])
    if intake is not None:
        for name, told, of_intake in _OF_INTAKE:
            lines += _metric(name, told, [("", of_intake(intake))])
    return "\n".join(lines) + "\n"


def _labels(place: PlaceHealth) -> str:
    return f'{{model="{place.model}",partition="{place.partition}"}}'


def _metric(name: str, told: str, samples: Sequence[tuple[str, float]]) -> list[str]:
    values = [f"{name}{labels} {value:.15g}" for labels, value in samples]
    return [f"# HELP {name} {told}", f"# TYPE {name} gauge", *values]
