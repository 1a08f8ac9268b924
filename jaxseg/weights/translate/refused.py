"""Errors that name their remedy, for Python code and for the command line."""

import dataclasses
import shlex
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Remedy:
    """An option that would help.

    Attributes:
      option: Its name in Python, such as `allow_missing`.
      value: What to pass: a word, or a tuple of patterns.
      effect: What it does, to follow "takes", such as "leaves the head fresh".
      flag: Its name on the command line, if that differs from the one in Python.
    """

    option: str
    value: str | tuple[str, ...]
    effect: str
    flag: str = ""

    def in_python(self) -> str:
        """`allow_missing=('head/*',) leaves the head fresh`."""
        return f"{self.option}={self.value!r} {self.effect}"

    def on_command_line(self) -> str:
        """`--allow-missing "head/*" leaves the head fresh`."""
        words = (self.value,) if isinstance(self.value, str) else self.value
        quoted = " ".join(f'"{w}"' if shlex.quote(w) != w else w for w in words)
        flag = self.flag or self.option.replace("_", "-")
        return f"--{flag} {quoted} {self.effect}"


class Refused(ValueError):
    """Weights that are not taken as they are, with what would change that.

    `str(error)` is written for Python code, `error.on_command_line()` for the
    command line: the problem first, the remedies on a second line.
    """

    def __init__(self, problem: str, remedies: Iterable[Remedy] = ()):
        self.problem, self.remedies = problem, tuple(remedies)
        super().__init__(self._text(Remedy.in_python))

    def on_command_line(self) -> str:
        """The message with options as the command line spells them."""
        return self._text(Remedy.on_command_line)

    def _text(self, write) -> str:
        lines = [self.problem, "; ".join(map(write, self.remedies))]
        return "\n".join(line for line in lines if line)
