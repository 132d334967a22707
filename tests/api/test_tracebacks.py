import io
from importlib import import_module

import psycopg
import pytest

from api.cli import main
from api.cli.tracebacks import write_traceback
from domain.errors import InvalidValue


def told(error: Exception) -> str:
    to = io.StringIO()
    write_traceback(error, to)
    return to.getvalue()


def raised_by_the_database(server: str, statement: str, name: str) -> psycopg.Error:
    with psycopg.connect(server) as connection:
        connection.execute("CREATE TEMPORARY TABLE people (name text CONSTRAINT one_of_each UNIQUE, n int)")
        connection.execute("INSERT INTO people VALUES (%s)", (name,))
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(statement, (name,))
        connection.rollback()
    return raised.value


@pytest.mark.parametrize("statement", ["INSERT INTO people VALUES (%s)", "SELECT %s::int", "SELECT %s::uuid"])
def test_an_error_of_the_database_is_told_without_the_value_it_quotes(server: str, statement: str) -> None:
    error = raised_by_the_database(server, statement, "Grace Hopper")
    assert "Grace Hopper" in str(error)
    assert "Hopper" not in told(error)
    assert f"SQLSTATE {error.sqlstate}" in told(error)


def test_a_constraint_is_named(server: str) -> None:
    assert "one_of_each" in told(raised_by_the_database(server, "INSERT INTO people VALUES (%s)", "Ada"))


@pytest.mark.parametrize(
    "error", [ValueError("bad: Grace Hopper"), KeyError("Grace Hopper"), UnicodeError("Hopper")]
)
def test_errors_about_values_are_told_without_the_value(error: Exception) -> None:
    assert "Hopper" not in told(error)
    assert type(error).__name__ in told(error)


def test_the_causes_are_told_too_first_things_first() -> None:
    first, then = ValueError("Grace Hopper"), RuntimeError("the batch failed")
    then.__cause__ = first
    text = told(then)
    assert text.index("ValueError") < text.index("which led to") < text.index("the batch failed")
    assert "Hopper" not in text


def test_our_own_errors_are_told_in_full() -> None:
    assert "amount" in told(InvalidValue(field="amount", rule="an exact decimal number"))


def test_an_unexpected_error_ends_a_command_with_1_and_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "Grace Hopper"

    def fail(**_: object) -> None:
        raise KeyError(value)

    monkeypatch.setattr(import_module("api.cli.main"), "read_settings", fail)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last):" in printed
    assert "in fail" in printed
    assert "Hopper" not in printed
