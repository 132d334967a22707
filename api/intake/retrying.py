"""Trying again what was rejected, after what was wrong has been put right."""

from collections.abc import Callable
from dataclasses import dataclass, field

from api.http.errors import Problem
from api.http.v1.asking import is_new
from api.intake.taking import Taker
from streams.kafka.published import Place
from streams.kafka.retrying import Found, RejectedTopic

_OMITTED = "It was too large to be kept: publish it again."


@dataclass(slots=True)
class Retried:
    """What became of rejected records, each counted once by the place where it was published."""

    recorded: int = 0
    recorded_before: int = 0
    left: int = 0
    """Rejected for another reason than was asked for."""
    refused: list[tuple[Place, str, str]] = field(default_factory=list)
    """Still refused: where it was published, the code, and the sentence."""


def retry(topic: RejectedTopic, taker: Taker, wanted: Callable[[str], bool]) -> Retried:
    """Try every rejected record with a wanted code again, once. Raises NotNow where that is no fault of theirs."""
    retried = Retried()
    settled: dict[Place, bool] = {}
    stuck: set[int] = set()
    for batch in topic:
        _try(batch, taker, wanted, retried, settled)
        for found in batch:
            if found.rejected is not None and not settled[found.rejected.place]:
                stuck.add(found.partition)
            elif found.partition not in stuck:
                topic.settled[found.partition] = found.offset + 1
    topic.settle(topic.settled)
    return retried


def _try(
    batch: list[Found],
    taker: Taker,
    wanted: Callable[[str], bool],
    retried: Retried,
    settled: dict[Place, bool],
) -> None:
    """Try what a batch has that was not tried yet, and note what of it is settled now."""
    tried = []
    for _, _, rejected in batch:
        if rejected is None or rejected.place in settled:
            continue
        settled[rejected.place] = False
        if not wanted(rejected.code):
            retried.left += 1
        elif rejected.published is None:
            retried.refused.append((rejected.place, rejected.code, _OMITTED))
        else:
            tried.append(rejected.published)
    for record, outcome in zip(tried, taker.take(tried), strict=True):
        if isinstance(outcome, Problem):
            retried.refused.append((record.place, outcome.code, outcome.title))
            continue
        settled[record.place] = True
        if is_new(outcome):
            retried.recorded += 1
        else:
            retried.recorded_before += 1
