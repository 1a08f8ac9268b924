"""Defines errors that tell the user how to solve the problem.

Each error can name its remedy as an option in Python or on the command line.
"""

import dataclasses
from collections.abc import Iterable

from jaxseg.config.wording import option_text


@dataclasses.dataclass(frozen=True)
class Remedy:
    """Describes an option that makes it possible to use weights that were rejected.

    Attributes:
      option: The name of the option in Python, such as `allow_missing`.
      value: The value to pass: a word, or a tuple of patterns.
      effect: What the option does, as an infinitive that follows "to", such as "select
        the first of them".
      flag: The name of the option on the command line, if it differs from Python's.
    """

    option: str
    value: str | tuple[str, ...]
    effect: str
    flag: str = ""

    def in_python(self) -> str:
        """Returns a sentence that tells a Python caller which argument to pass.

        An example is `Pass entry='ema' to select the averaged weights.`
        """
        return f"Pass {self.option}={self.value!r} to {self.effect}."

    def on_command_line(self) -> str:
        """Returns a sentence that tells a command-line user which option to pass.

        An example is `Pass --entry ema to select the averaged weights.`
        """
        words = (self.value,) if isinstance(self.value, str) else self.value
        flag = self.flag or self.option.replace("_", "-")
        return f"Pass {option_text(flag, *words)} to {self.effect}."


class Refused(ValueError):
    """Is raised for weights that can only be used with further options.

    `str(error)` is the message for users of Python, and `error.on_command_line()` is
    the message for users of the command line. The first line of a message states the
    problem, and the second line states the remedies.

    Args:
      problem: The problem as a sentence.
      remedies: The options that solve it.
    """

    def __init__(self, problem: str, remedies: Iterable[Remedy] = ()):
        self.problem, self.remedies = problem, tuple(remedies)
        super().__init__(self._text(Remedy.in_python))

    def on_command_line(self) -> str:
        """Returns the problem and its remedies for users of the command line.

        Options are written as on the command line, such as `--entry ema`. In
        `str(error)`, they are written as in Python, such as `entry='ema'`.
        """
        return self._text(Remedy.on_command_line)

    def _text(self, write) -> str:
        lines = [self.problem, " ".join(map(write, self.remedies))]
        return "\n".join(line for line in lines if line)
