"""Randomness is fetched in stock: no two get the same, whatever the thread or process."""

import os
from concurrent.futures import ThreadPoolExecutor

from streams.randomness import random_bytes, random_uuid


def test_no_bytes_are_given_twice_to_any_thread() -> None:
    with ThreadPoolExecutor(8) as pool:
        given = [
            one
            for some in pool.map(lambda _: [random_bytes(12) for _ in range(1_000)], range(8))
            for one in some
        ]
    assert {len(one) for one in given} == {12}
    assert len(set(given)) == len(given)


def test_a_forked_process_gets_others_than_its_parent() -> None:
    random_bytes(1)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != random_bytes(16)
    os.close(reading)
    os.close(writing)


def test_more_than_the_stock_is_given_whole() -> None:
    assert len(random_bytes(10_000)) == 10_000


def test_a_uuid_says_that_it_is_random() -> None:
    assert random_uuid().version == 4
    assert random_uuid() != random_uuid()
