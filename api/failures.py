"""What a command says when it cannot do what was asked: one line for people, an exit code for programs."""


class Failure(Exception):
    """The command did not do what was asked; its text is one line that says why."""

    exit_code = 1


class Misuse(Failure):
    """The command was asked wrongly; its text names the flag or setting and the rule."""

    exit_code = 2
