import gzip
from pathlib import Path
from typing import Any

from api.imports.files import Reader
from api.imports.mapping import Input
from api.imports.problems import Row


def read(path: Path, **form: object) -> list[Any]:
    with Reader(path, Input.model_validate({"name": "x", **form})) as reader:
        return [
            (row.line, row.cells) if isinstance(row, Row) else (row.row.line if row.row else 0, row.reason)
            for row in reader.rows()
        ]


def test_lines_end_as_they_like_and_a_mark_at_the_beginning_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffa,b\r\n1,2\r\n\r\n3,4\n".encode())
    assert read(path) == [(2, ["1", "2"]), (4, ["3", "4"])]
    with Reader(path, Input(name="x")) as reader:
        assert reader.columns == ["a", "b"]


def test_a_packed_file_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read(path) == [(2, ["1", "2"])]


def test_columns_between_blanks_may_begin_with_blanks(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(" id  n\r\n 01   2\r\n")
    assert read(path, format="whitespace") == [(2, ["01", "2"])]


def test_tabs_other_delimiters_and_given_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1\t2\n")
    assert read(path, format="tsv", header=False, columns=["a", "b"]) == [(1, ["1", "2"])]
    path.write_text("a;b\n1;2\n")
    assert read(path, delimiter=";") == [(2, ["1", "2"])]


def test_a_quote_that_never_closes_costs_its_own_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,"two\n3,4\n5,"six\nseven"\n8,9\n')
    assert read(path) == [(2, "malformed-row"), (3, ["3", "4"]), (4, ["5", "six\nseven"]), (6, ["8", "9"])]


def test_a_row_of_another_width_is_malformed_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1\n1,2,3\n4,5\n")
    assert read(path) == [(2, "malformed-row"), (3, "malformed-row"), (4, ["4", "5"])]


def test_a_huge_field_is_malformed_and_the_next_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n1,{'x' * 200_000}\n4,5\n")
    assert read(path) == [(2, "malformed-row"), (3, ["4", "5"])]


def test_bytes_that_are_no_text_and_control_characters_cost_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\xff\n2,\x00\n3,\x1f\n4,\xc3\xa9\n")
    assert read(path) == [
        (2, "encoding-error"),
        (3, "encoding-error"),
        (4, "encoding-error"),
        (5, ["4", "é"]),
    ]
    path.write_bytes(b"a,b\n1,\xe9\n")
    assert read(path, encoding="latin-1") == [(2, ["1", "é"])]
