from pathlib import Path

import pytest

from api.failures import Misuse
from api.imports.files import assign
from api.imports.loading import load, presets
from api.imports.passes import Pass
from tests.api.imports.workshop import MAPPINGS

ORDERS = """
source = "shop"
currency = "EUR"

[[inputs]]
name = "orders"

[[inputs.records]]
make = "order"
set.source_id = "id"
set.total = "total"
set.occurred_at = "at"
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_mapping(name: str) -> None:
    assert load(name).inputs[0].records


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_mapping_of_the_data_sets_is_one(path: Path) -> None:
    assert load(str(path)).name == path.stem


def test_a_mapping_may_be_small(tmp_path: Path) -> None:
    assert load(written(tmp_path, ORDERS)).source == "shop"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('source = "shop"', ""), "source: Field required"),
        (('currency = "EUR"', 'currency = "EURO"'), "currency: an ISO 4217 code such as EUR"),
        (('currency = "EUR"', 'time_zone = "Berlin"'), "time_zone: an IANA name such as Europe/Berlin"),
        (
            ('name = "orders"', 'name = "orders"\nencoding = "utf-9"'),
            "inputs[0]: encoding: Python knows none",
        ),
        (
            ('name = "orders"', 'name = "orders"\nsheet = 2'),
            "inputs[0].sheet: Extra inputs are not permitted",
        ),
        (('make = "order"', 'make = "ordre"'), "inputs[0].records[0]: make is one of cancellation, customer"),
        (('set.total = "total"', 'set.totl = "total"'), "set.totl: not a part of this record"),
        (('set.total = "total"', ""), "inputs[0].records[0]: order needs total"),
        (
            ('set.total = "total"', 'set.total = { map = { a = "1" } }'),
            "exactly one of column, value, template",
        ),
        (
            ('set.total = "total"', 'set.total = "total"\nwhen = [{ column = "total" }]'),
            "inputs[0].records[0].when[0]: exactly one of equals",
        ),
        (
            ('set.total = "total"', 'set.total = "total"\nlines.sku = "sku"'),
            "order needs lines.title, lines.quantity, lines.unit_price",
        ),
        (
            (
                'set.total = "total"',
                'set.total = { column = "a", lookup = { input = "x", key = "k", give = "g" } }',
            ),
            "lookup.input 'x': an input that stands before 'orders'",
        ),
        (('make = "order"', 'make = "order'), "not TOML"),
        (
            ('make = "order"', 'make = "order"\nwhen = [{ column = "a", matches = "(" }]'),
            "inputs[0].records[0].when[0]: matches: no regular expression",
        ),
    ],
)
def test_a_wrong_mapping_is_told_by_key_and_rule(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(Misuse) as misuse:
        load(written(tmp_path, ORDERS.replace(*change)))
    assert told in str(misuse.value)


@pytest.mark.parametrize("how", ["column = 'total', default = 'none'", "value = 'none'"])
def test_a_default_or_constant_that_cannot_be_read_is_told(tmp_path: Path, how: str) -> None:
    mapping = load(written(tmp_path, ORDERS.replace('"total"\n', f"{{ {how} }}\n")))
    (tmp_path / "orders.csv").write_text("id,total,at\n")
    with pytest.raises(Misuse, match=r"(default|value) 'none': number-malformed"):
        Pass(mapping.inputs[0], mapping, [tmp_path / "orders.csv"], {})


def test_an_unknown_mapping_is_told_with_the_presets() -> None:
    with pytest.raises(Misuse, match="shopify-orders"):
        load("shopify")


def test_files_are_assigned_by_pattern_or_by_name(tmp_path: Path) -> None:
    mapping = load(str(MAPPINGS / "maven_crm.toml"))
    for name in ("products.csv", "accounts.csv", "mine.csv"):
        (tmp_path / name).write_text("x\n")
    found = assign(
        mapping, [f"{tmp_path}/products.csv", f"{tmp_path}/accounts.csv", f"pipeline={tmp_path}/mine.csv"]
    )
    assert {name: [path.name for path in paths] for name, paths in found.items() if paths} == {
        "products": ["products.csv"],
        "accounts": ["accounts.csv"],
        "pipeline": ["mine.csv"],
    }


def test_a_file_that_fits_nothing_and_one_that_is_missing_are_told(tmp_path: Path) -> None:
    mapping = load(str(MAPPINGS / "maven_crm.toml"))
    (tmp_path / "other.csv").write_text("x\n")
    with pytest.raises(Misuse, match="fits no input"):
        assign(mapping, [f"{tmp_path}/other.csv"])
    with pytest.raises(Misuse, match="is not a file"):
        assign(mapping, [f"{tmp_path}/gone.csv"])
    with pytest.raises(Misuse, match="needs a file for its input"):
        assign(mapping, [f"products={tmp_path}/other.csv"])
