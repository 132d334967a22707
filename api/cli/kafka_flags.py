"""The flags that name Kafka, the same for every command that takes them."""

import argparse

from api.failures import Misuse
from api.settings import Settings


def add_kafka(parser: argparse.ArgumentParser) -> None:
    """Declare --kafka and --kafka-prefix."""
    parser.add_argument("--kafka", metavar="SERVERS", help=Settings.model_fields["kafka"].description)
    parser.add_argument(
        "--kafka-prefix", metavar="NAME", help=Settings.model_fields["kafka_prefix"].description
    )


def brokers(kafka: str | None) -> str:
    """Return the brokers that were named. Raises Misuse where none were."""
    if kafka is None:
        raise Misuse("--kafka or BACKSTORY_KAFKA: the brokers, host:port, joined by commas")
    return kafka
