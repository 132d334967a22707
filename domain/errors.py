"""Refusals: a rule says no. The docstring of each class is the sentence people read."""

from typing import Any


class Refusal(Exception):
    """The rules do not allow this."""

    def __init__(self, **detail: Any) -> None:  # noqa: ANN401 - whatever shows the case
        super().__init__(type(self).__doc__)
        self.detail = detail

    @property
    def reason(self) -> str:
        """The class docstring with this case's details, for people."""
        told = ", ".join(f"{name}={value!r}" for name, value in self.detail.items())
        sentence = (type(self).__doc__ or "").strip()
        return f"{sentence} ({told})" if told else sentence

    def __str__(self) -> str:
        return self.reason


class InvalidValue(Refusal):
    """A field does not follow its rule."""
