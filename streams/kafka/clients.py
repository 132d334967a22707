"""kafka-python's clients, as all of us open them: quick to find out that a broker is back."""

import logging
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError

logging.getLogger("kafka").addHandler(logging.NullHandler())  # what matters comes as an error

__all__ = ["BOOTSTRAP_MS", "KafkaError", "admin", "config", "reader"]

_LONGEST_BACKOFF_MS = 1_000
BOOTSTRAP_MS = 10_000


def config(servers: str) -> dict[str, Any]:
    """Return what every client of a cluster is configured with; `servers` are host:port, joined by commas."""
    return {"bootstrap_servers": servers.split(","), "reconnect_backoff_max_ms": _LONGEST_BACKOFF_MS}


def admin(servers: str) -> KafkaAdminClient:
    """Open a client that makes and describes topics. Raises KafkaError where the cluster does not answer."""
    return KafkaAdminClient(**config(servers), bootstrap_timeout_ms=BOOTSTRAP_MS)


def reader(servers: str, **settings: Any) -> KafkaConsumer:  # noqa: ANN401 - kafka-python's own
    """Open a consumer without a group, which commits nothing and never jumps to another offset by itself.

    Raises KafkaError where the cluster does not answer.
    """
    chosen = {"group_id": None, "enable_auto_commit": False, "auto_offset_reset": "none"} | settings
    return KafkaConsumer(**config(servers), bootstrap_timeout_ms=BOOTSTRAP_MS, **chosen)
