"""What can be wrong with a template, at save and when it runs."""

from __future__ import annotations


class TemplateProblem(ValueError):
    """A template is refused at save.

    `message` says in an administrator's words what to do; `line` counts from 1, `column` too where it is known.
    """

    def __init__(self, message: str, line: int = 1, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.word: str | None = None  # the word at fault, from which compile_template finds the column

    def __str__(self) -> str:
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.message}"


class RenderProblem(Exception):
    """A template failed while it ran: a cap was exceeded, or a value was of the wrong kind.

    The caller falls back to the field's default text; `line` is where in the template it happened, when known.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Unmet(RenderProblem):
    """The template itself asked to fail (`pex_require_min_length`): not a fault of the template."""
