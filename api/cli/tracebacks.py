"""Tracebacks without data: where it went wrong and by what kind of error, never a value."""

import threading
import traceback
from typing import TextIO

import psycopg

_ABOUT_NAMES = "42"  # the class of errors whose sentences name tables and columns, not values
_TOLD = (OSError, RuntimeError, AssertionError, AttributeError, ImportError, NameError, NotImplementedError)


def write_traceback(error: BaseException, to: TextIO) -> None:
    """Write an error with its causes. Texts of errors about values are withheld: they quote the values."""
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and before not in chain:
        chain.append(before)
    for number, link in enumerate(reversed(chain)):
        if number:
            to.write("\nwhich led to:\n")
        to.write("Traceback (most recent call last):\n")
        to.writelines(traceback.format_tb(link.__traceback__))
        to.write(f"{type(link).__module__}.{type(link).__qualname__}: {_told(link)}\n")


def write_traceback_of_thread(args: threading.ExceptHookArgs, to: TextIO) -> None:
    """Write the error that ended a thread."""
    if args.exc_value is not None:
        write_traceback(args.exc_value, to)


def _told(error: BaseException) -> str:
    if isinstance(error, psycopg.Error):
        about = error.diag
        places = (about.schema_name, about.table_name, about.column_name, about.constraint_name)
        code = error.sqlstate or "none"
        sentence = about.message_primary if code.startswith(_ABOUT_NAMES) else None
        return " ".join(["SQLSTATE", code, *(told for told in (*places, sentence) if told)])
    ours = type(error).__module__.split(".")[0] in {
        "api",
        "replay",
        "commands",
        "projections",
        "streams",
        "domain",
    }
    return str(error) if ours or isinstance(error, _TOLD) else "(text withheld)"
