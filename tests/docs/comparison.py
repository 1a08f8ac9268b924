"""Compares printed output with a page."""

import re

NUMBER = re.compile(r"\d[\d,]*\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+")


def agrees(shown: str, printed: str) -> bool:
    """Whether a command has printed what a page shows.

    `...` stands for any text. A number with a decimal point agrees with any other. The
    number of spaces and line breaks does not matter.

    >>> agrees("loss 0.51 ... done", "loss 0.49\\n3 steps\\ndone")
    True
    >>> agrees("3 images", "4 images")
    False
    """
    parts = map(re.escape, (_plain(part) for part in shown.split("...")))
    return re.fullmatch(".*".join(parts), _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    words = NUMBER.sub("#", text).split()
    return "".join(words)
