"""Stream names: `kind-uuid` when printed, the same for the same record of the same source, for ever."""

from functools import lru_cache
from uuid import UUID, uuid5

_NAMESPACE = UUID("3f0b5d7e-6a55-5c0e-9d0e-0b5c2f6a1d11")


def stream_of(kind: str, ident: str) -> str:
    """Return the stream of an aggregate, `order-<uuid>`."""
    return f"{kind}-{ident}"


def kind_of(stream: str) -> str:
    """Return the aggregate kind of a stream, `order` of `order-<uuid>`."""
    return stream.partition("-")[0]


def id_of(stream: str) -> str:
    """Return the aggregate's id of a stream, `<uuid>` of `order-<uuid>`."""
    return stream.partition("-")[2]


@lru_cache(maxsize=50_000)
def external_id(tenant: str, kind: str, source: str, source_id: str) -> str:
    """Return the id of the record that `source` calls `source_id`: the same however often it is named."""
    return str(uuid5(_NAMESPACE, f"{tenant}\x1f{kind}\x1f{source}\x1f{source_id}"))
