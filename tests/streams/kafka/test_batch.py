"""A batch as we write it is read back by kafka-python as it was meant."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords

from streams.kafka.batch import Batch
from streams.kafka.record import Header
from tests.streams.strategies import TEXT

Record = tuple[int, bytes, bytes | None, list[Header]]
RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**42),
        st.binary(max_size=300),
        st.none() | st.binary(max_size=20_000),
        st.lists(st.tuples(TEXT, st.binary(max_size=300)), max_size=5),
    ),
    min_size=1,
    max_size=300,
)


@given(RECORDS, st.integers(0, 2**62), st.integers(1, 2**33))
def test_what_is_written_is_read_back(records: list[Record], producer: int, sequence: int) -> None:
    made = Batch(producer, sequence)
    for record in records:
        made.add(*record)
    [batch] = list(iter(MemoryRecords(made.encode()).next_batch, None))
    assert batch.validate_crc()
    assert (batch.producer_id, batch.base_sequence) == (producer, (sequence - 1) % 2**31)
    assert [(one.timestamp, one.key, one.value, one.headers) for one in batch] == records
