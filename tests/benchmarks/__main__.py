"""`python -m tests.benchmarks [NAME...]`: run benchmarks, the machine printed above them."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from tests.benchmarks import machine

_NOT_A_BENCHMARK = {"__main__", "machine"}


def names() -> list[str]:
    """Return the name of every benchmark module beside this file, without a trailing underscore."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")} - _NOT_A_BENCHMARK
    return sorted(name.rstrip("_") for name in found if not name.startswith("_"))


def main(chosen: list[str]) -> int:
    """Run the chosen benchmarks, or all; 2 when one is unknown."""
    unknown = [name for name in chosen if name not in names()]
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; there are: {', '.join(names())}\n")
        return 2
    with machine.server() as server:
        sys.stdout.write(machine.described(server))
    for name in chosen or names():
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        _module(name).main()
    return 0


def _module(name: str) -> ModuleType:
    path = Path(__file__).parent / f"{name}.py"
    return importlib.import_module(f"tests.benchmarks.{name}{'' if path.exists() else '_'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
