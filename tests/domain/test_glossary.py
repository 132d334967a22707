"""The table of domain/README.md is the code: every command, its decisions, and the events they may record."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import commands
from commands.command import Command
from domain import customer
from tests import examples

ROOT = Path(__file__).parents[2]
AGGREGATES = (
    "customer",
    "lead",
    "deal",
    "order",
    "invoice",
    "message",
    "pipeline",
    "tenant",
    "saved_filter",
    "person",
)
EVENTS = {type(event).__name__ for event in examples.EVENTS}
ELSEWHERE = {"EventSkipped", "ReadModelRebuilt"}
"""Events that no command asks for: a rebuild and a skip leave their own."""

Row = tuple[str, frozenset[str], frozenset[str]]


@cache
def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module by name."""
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def reached(path: Path, name: str) -> Iterator[ast.AST]:
    """Yield every node of a function, and of the functions of its module, or of one beside it, that it uses."""
    seen: set[tuple[Path, str]] = set()
    waiting = [(path, name)]
    while waiting:
        current = waiting.pop()
        module, function = current
        if current in seen or not module.exists() or function not in functions(module):
            continue
        seen.add(current)
        for node in ast.walk(functions(module)[function]):
            yield node
            match node:
                case ast.Name(id=used):
                    waiting.append((module, used))
                case ast.Attribute(value=ast.Name(id=beside), attr=used):
                    waiting.append((module.with_name(f"{beside}.py"), used))


def made(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the events whose class is called."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in EVENTS:
                found.add(name)
            case ast.Call(func=ast.Subscript(value=ast.Name(id="CHANGES"))):
                found |= {change.__name__ for change in customer.CHANGES.values()}  # type: ignore[attr-defined]
    return found


def decisions() -> dict[str, set[str]]:
    """Return every decision, such as order.refund, with the events it may record."""
    found: dict[str, set[str]] = {}
    for aggregate in AGGREGATES:
        path = ROOT / "domain" / f"{aggregate}.py"
        for name, function in functions(path).items():
            answer = ast.unparse(function.returns) if function.returns else ""
            if not name.startswith("_") and re.search(r"list\[\w+Event\]", answer):
                found[f"{aggregate}.{name}"] = made(reached(path, name))
    return found


def handlers() -> dict[str, tuple[Path, str]]:
    """Return which function handles each command, as commands/handle.py routes it."""
    folder = Path(commands.__path__[0])
    found: dict[str, tuple[Path, str]] = {}
    for case in ast.walk(functions(folder / "handle.py")["decide"]):
        match case:
            case ast.match_case(
                pattern=ast.MatchClass(cls=ast.Name(id=command)),
                body=[ast.Return(value=ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)))],
            ):
                found[command] = (folder / f"{module}.py", name)
    return found


def code() -> list[Row]:
    """Return the rows as the code has them: the commands, then the decisions that no command asks for."""
    known = decisions()
    rows: list[Row] = []
    for command, (path, name) in handlers().items():
        nodes = list(reached(path, name))
        asked = {
            f"{node.value.id}.{node.attr}"
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        } & known.keys()
        events = set().union(*(known[decision] for decision in asked), made(iter(nodes)))
        rows.append((command, frozenset(asked), frozenset(events)))
    unasked = known.keys() - set().union(*(asked for _, asked, _ in rows))
    rows += [("", frozenset({decision}), frozenset(known[decision])) for decision in sorted(unasked)]
    return rows


def page() -> list[Row]:
    """Return the rows of the table in domain/README.md."""
    text = (ROOT / "domain" / "README.md").read_text().split("| Command | Decision | Events |", 1)[1]
    rows: list[Row] = []
    for line in text.strip().splitlines()[1:]:
        if not line.startswith("|"):
            break
        command, asked, events = (re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|"))
        assert len(asked) == len(set(asked))
        assert len(events) == len(set(events))
        rows.append((command[0] if command else "", frozenset(asked), frozenset(events)))
    return rows


def by_name(row: Row) -> tuple[str, list[str]]:
    return row[0], sorted(row[1])


def test_the_table_of_commands_decisions_and_events_is_the_code() -> None:
    assert sorted(page(), key=by_name) == sorted(code(), key=by_name)


def test_the_table_has_every_command_and_every_event() -> None:
    assert {command for command, _, _ in page()} - {""} == {command.__name__ for command in get_args(Command)}
    assert set().union(*(events for _, _, events in page())) | ELSEWHERE == EVENTS


def test_every_word_of_the_glossary_stands_once() -> None:
    text = (ROOT / "domain" / "README.md").read_text()
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.MULTILINE)
    assert words
    assert len(words) == len(set(words))
