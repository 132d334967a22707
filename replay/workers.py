"""Worker processes of a build: each takes ranges that no other has, until none is left."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.queues import Queue
from queue import Empty

from projections.checkpoints import projecting
from projections.definition import ReadModel
from projections.models import ALL
from replay.building import work
from streams.log import Log

_told: "Queue[int]"


def work_in_parallel(log: Log, model: ReadModel, suffix: str, through: int, workers: int) -> Iterator[int]:
    """Yield the events of each chunk that one of `workers` processes has folded. Raises what one of them raised."""
    context = get_context("spawn")
    told: Queue[int] = context.Queue()
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(told,)) as pool:
        tasks = {
            pool.submit(_work, log.conninfo, log.master_key, model.name, suffix, through)
            for _ in range(workers)
        }
        while tasks:
            done, tasks = wait(tasks, timeout=0.1, return_when=FIRST_COMPLETED)
            yield from _drained(told)
            _raise_first(done)
        yield from _drained(told)


def _raise_first(done: "set[Future[None]]") -> None:
    for task in done:
        task.result()


def _drained(told: "Queue[int]") -> Iterator[int]:
    while True:
        try:
            yield told.get_nowait()
        except Empty:
            return


def _begin(told: "Queue[int]") -> None:
    global _told  # noqa: PLW0603 - a queue can only be handed to a worker process as it starts
    _told = told


def _work(conninfo: str, master_key: bytes, name: str, suffix: str, through: int) -> None:
    (model,) = ALL.named([name])
    with Log(conninfo, master_key, connections=2) as log, projecting(conninfo) as connection:
        for chunk in work(log, connection, model, suffix, through):
            _told.put(chunk.events)
