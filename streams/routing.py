"""Where an event goes: its partition, fixed when its stream begins, so that a stream stays in order everywhere."""

import zlib


def partition_of(tenant: str, routing_key: str, partitions: int) -> int:
    """Return the partition of a routing key, the same everywhere and for ever."""
    return zlib.crc32(f"{tenant}\x1f{routing_key}".encode()) % partitions


def subject_of(stream: str, customer_id: str | None) -> str:
    """Return whose key seals and routes a new stream's events: its customer's, or its own without one."""
    return f"customer-{customer_id}" if customer_id else stream


def routing_key(tenant: str, stream: str, customer_id: str | None, partition: int, partitions: int) -> str:
    """Return the routing key of a recorded event: its customer's if its stream began with one, else the stream.

    What has the same routing key is in the same partition.
    """
    subject = subject_of(stream, customer_id)
    return subject if partition_of(tenant, subject, partitions) == partition else stream
