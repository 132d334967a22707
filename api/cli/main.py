"""The command line: which commands there are, what all of them take, how they end."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import psycopg

from api.cli.tracebacks import write_traceback
from api.failures import Failure
from api.place import open_place
from api.settings import Settings, read_settings
from domain.errors import Refusal
from streams.errors import LogRefusal


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the module with its `add_arguments` and `run`, and what it does.

    `run(args, place)` answers the exit code; that of a command that opens no place itself (`bare`) is
    `run(args, settings)`.
    """

    module: str
    does: str
    bare: bool = False


COMMANDS = {
    "up": Command("api.cli.up", "run every role in one place, supervised", bare=True),
    "api": Command("api.cli.role_api", "run the role that answers HTTP"),
    "project": Command("api.cli.role_project", "run the role that keeps the read models current"),
    "deliver": Command("api.cli.role_deliver", "run the role that does what follows from events by itself"),
    "demo": Command("api.cli.role_demo", "run the role that goes on with the demo"),
    "relay": Command("api.cli.role_relay", "run the role that carries the log to Kafka"),
    "intake": Command("api.cli.role_intake", "run the role that records what services publish to Kafka"),
    "import": Command("api.imports.command", "import files by a mapping"),
    "sql": Command("api.cli.sql", "ask the read models, read only"),
    "keys": Command("api.cli.keys", "create, list and revoke API keys"),
    "people": Command("api.cli.people", "say who may sign in"),
    "forget": Command("api.cli.forget", "forget a person: destroy the keys of their data"),
    "doctor": Command("api.cli.doctor", "check every part", bare=True),
    "replay": Command(
        "api.cli.replay", "do it again: rebuild read models, restore the log, mend what is held"
    ),
}
_SHARED = ("data", "database", "tenant")


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line; with `chosen`, only that command's own arguments are known."""
    root = argparse.ArgumentParser(prog="backstory", description="One log, every table folded from it.")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.does, description=command.does, allow_abbrev=False)
        if chosen in (None, name):
            _module(command).add_arguments(added)
            for leaf in _leaves(added):
                _add_shared(leaf)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 done, 1 not done, 2 asked wrongly."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    args = parser(next((word for word in given if word in COMMANDS), None)).parse_args(given)
    try:
        code = _run(args)
        sys.stdout.flush()
    except (Failure, Refusal, LogRefusal) as cause:
        sys.stderr.write(f"backstory: {' '.join(str(cause).split())}\n")
        return cause.exit_code if isinstance(cause, Failure) else Failure.exit_code
    except BrokenPipeError:
        _drop_output()
        return 0
    except (OSError, psycopg.OperationalError) as cause:
        sys.stderr.write(f"backstory: {_from_outside(cause)}\n")
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
            _drop_output()
        return Failure.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("backstory: interrupted\n")
        return Failure.exit_code
    except Exception as cause:  # noqa: BLE001 - told in full, but without the values that texts of errors quote
        write_traceback(cause, sys.stderr)
        return Failure.exit_code
    return code


def _drop_output() -> None:
    """Let what could not be written be lost, instead of tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _from_outside(cause: OSError | psycopg.OperationalError) -> str:
    """Return in one line what the machine or the database said: no fault of ours, so nobody needs its traceback."""
    if isinstance(cause, OSError):
        said = cause.strerror or str(cause)
        return " ".join((f"{cause.filename}: {said}" if cause.filename else said).split())
    return " ".join(f"the database: {cause.diag.message_primary or cause}".split())


def _run(args: argparse.Namespace) -> int:
    command = COMMANDS[args.command]
    settings = read_settings(**vars(args))
    for name in Settings.model_fields:
        setattr(args, name, getattr(settings, name))
    if command.bare:
        return int(_module(command).run(args, settings))
    with open_place(settings) as place:
        return int(_module(command).run(args, place))


def _module(command: Command) -> ModuleType:
    return import_module(command.module)


def _leaves(added: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    nested = [action for action in added._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    return [leaf for action in nested for child in action.choices.values() for leaf in _leaves(child)] or [
        added
    ]


def _add_shared(leaf: argparse.ArgumentParser) -> None:
    group = leaf.add_argument_group("where")
    for name in _SHARED:
        kind = Path if name == "data" else str
        group.add_argument(f"--{name}", type=kind, help=Settings.model_fields[name].description)
