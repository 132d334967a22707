"""Workshops for imports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.imports.workshop import Workshop, workshop


@pytest.fixture
def shop(server: str, template: str) -> Iterator[Workshop]:
    """Lend a fresh workshop."""
    with workshop(server, template) as lent:
        yield lent


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Lend a file of three orders in the shape of the orders-csv preset."""
    path = tmp_path / "orders.csv"
    path.write_text(
        "id,placed_at,currency,total,customer_id,email,paid,refunded\n"
        "1001,2024-05-01T10:00:00+02:00,EUR,30.00,c1,ann@example.org,30.00,5.00\n"
        "1002,2024-05-02T10:00:00+02:00,EUR,20.50,c2,ben@example.org,20.50,\n"
        "1003,2024-05-03T10:00:00+02:00,GBP,9.99,,,,\n"
    )
    return path
