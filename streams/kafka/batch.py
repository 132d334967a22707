"""Record batches (format version 2) as Kafka keeps them, each saying which sequence number it begins with.

The sequence number is ours to give (domain/adr/0005), which kafka-python's producer does not let us. What is written
here is read back by kafka-python in the tests.
"""

import struct
from collections.abc import Sequence

import crc32c
import lz4.frame

from streams.kafka.record import Header

_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC_AT, _CHECKED_FROM = 17, 21
_LENGTH_FROM = 12
_MAGIC, _LZ4 = 2, 3
_SEQUENCES = 2**31
_NOTHING = b"\x01"  # the length of what is null


class Batch:
    """A batch of a producer (its epoch is 0) whose first record is its `sequence`-th, from 1."""

    def __init__(self, producer: int, sequence: int) -> None:
        self._producer = producer
        self._sequence = sequence
        self._records: list[bytes] = []
        self._first = self._last = 0

    def add(self, milliseconds: int, key: bytes, value: bytes | None, headers: Sequence[Header]) -> None:
        """Add a record: its time, its key, its value (None: a tombstone) and its headers."""
        if not self._records:
            self._first = self._last = milliseconds
        self._last = max(self._last, milliseconds)
        names, sizes = _NAMES, _VARINTS
        place = sizes[len(self._records) >> 1]  # two parts a record
        body = [b"\x00", sizes[milliseconds - self._first], place, sizes[len(key)], key]
        body += (_NOTHING,) if value is None else (sizes[len(value)], value)
        body.append(sizes[len(headers)])
        for name, told in headers:
            body += names[name], sizes[len(told)], told
        record = b"".join(body)
        self._records += sizes[len(record)], record

    def encode(self) -> bytes:
        """Return the batch, compressed, as a broker takes it."""
        count = len(self._records) >> 1
        packed = lz4.frame.compress(b"".join(self._records), block_linked=False)
        batch = bytearray(_HEADER.size + len(packed))
        batch[_HEADER.size :] = packed
        _HEADER.pack_into(
            batch,
            0,
            0,  # offset, set by the broker
            len(batch) - _LENGTH_FROM,
            0,  # leader epoch, set by the broker
            _MAGIC,
            0,  # checksum, below
            _LZ4,
            count - 1,
            self._first,
            self._last,
            self._producer,
            0,
            (self._sequence - 1) % _SEQUENCES,
            count,
        )
        struct.pack_into(">I", batch, _CRC_AT, crc32c.crc32c(memoryview(batch)[_CHECKED_FROM:]))
        return bytes(batch)


class _Varints(dict[int, bytes]):
    """Numbers as Kafka encodes them: zigzag, seven bits a byte. Small ones are kept."""

    def __missing__(self, number: int) -> bytes:
        zigzag = (number << 1) ^ (number >> 63)
        found = bytearray()
        while zigzag > 0x7F:  # noqa: PLR2004 - seven bits
            found.append(0x80 | (zigzag & 0x7F))
            zigzag >>= 7
        found.append(zigzag)
        if -_KEPT < number < _KEPT:
            self[number] = bytes(found)
        return bytes(found)


class _Names(dict[str, bytes]):
    """Names of headers as they stand in a record."""

    def __missing__(self, name: str) -> bytes:
        encoded = name.encode()
        self[name] = _VARINTS[len(encoded)] + encoded
        return self[name]


_KEPT = 10_000
_VARINTS = _Varints()
_NAMES = _Names()
