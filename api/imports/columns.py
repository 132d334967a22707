"""The columns of a file, by name: from a row to a text."""

from collections.abc import Callable, Sequence

from api.failures import Misuse
from api.imports.problems import Row

Text = Callable[[Row], str]
PSEUDO = ("@line", "@as_of")


class Columns:
    """The columns of one file, by name."""

    def __init__(self, names: Sequence[str], place: str, as_of: str | None = None) -> None:
        self._at = {name.casefold(): index for index, name in reversed(list(enumerate(names)))}
        self._names = names
        self._place = place
        self._as_of = as_of or ""

    def has(self, name: str) -> bool:
        """Say whether there is such a column; capitals do not matter."""
        return name in PSEUDO or name.casefold() in self._at

    def text(self, name: str) -> Text:
        """Return the function that reads this column of a row. Raises Misuse where there is none."""
        if name == "@line":
            return lambda row: str(row.line)
        if name == "@as_of":
            return lambda _: self._as_of
        index = self._at.get(name.casefold())
        if index is None:
            raise Misuse(f"{self._place}: column {name!r} is missing; it has {', '.join(self._names)}")
        return lambda row: row.cells[index].strip()

    def first_of(self, names: str | list[str], *, optional: bool) -> Text:
        """Return the function that reads the first of these columns that is there and not empty."""
        wanted = [names] if isinstance(names, str) else names
        there = [self.text(name) for name in wanted if self.has(name)]
        if not there:
            if optional:
                return lambda _: ""
            return self.text(wanted[0])
        if len(there) == 1:
            return there[0]
        return lambda row: next((text for read in there if (text := read(row))), "")
