import threading
import time

import psycopg

from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log


def test_a_projector_that_waits_for_events_stops_at_once(log: Log) -> None:
    prepare(log.conninfo)
    stop = threading.Event()
    running = threading.Thread(target=Projector(log, log.conninfo).run, args=(stop,))
    running.start()
    with psycopg.connect(log.conninfo, autocommit=True) as connection:
        deadline = time.monotonic() + 30
        while connection.execute(
            "SELECT FROM model.places WHERE heartbeat_at = '-infinity' LIMIT 1"
        ).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    began = time.monotonic()
    stop.set()
    running.join(30)
    assert not running.is_alive()
    assert time.monotonic() - began < 10
