"""Words the errors of the Python interface with Python arguments, not with options.

The library states remedies with options of the command line, as in "pass
--data.max-pixels 1280". The functions that users of Python call translate them.
"""

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from jaxseg.config.run import Config

Target = TypeVar("Target", bound=Callable[..., Any])

_OPTIONS_KEPT = contextvars.ContextVar("options_kept", default=False)
# Options outside the configuration with the number of their values. Arguments of the
# Python functions have the same names.
_ARGUMENTS = {"workdir": 0, "checkpoint": 1, "images": 1, "scores": 1}
_SECTIONS = "|".join(field.name for field in dataclasses.fields(Config))
_VALUE = r"'[^'\n]*'|\"[^\"\n]*\"|[^\s,;()`'\"]+"
_OPTION = re.compile(
    r"(?P<command>`(?:jaxseg|python|pip) [^`]*`)"  # Commands keep their options.
    rf"|(?<![\w/'-])--(?P<name>(?:{_SECTIONS})(?:\.\w[\w-]*)+|{'|'.join(_ARGUMENTS)})"
    rf"(?![\w-])(?P<values>(?: (?!--)(?:{_VALUE}))*)"
)
# A sentence continues with these words after an option without a value.
_CONTINUES = (
    *("allows", "and", "are", "as", "continues", "for", "if", "in", "instead", "is"),
    *("of", "or", "selects", "sets", "that", "to", "with", "without"),
)


def in_python(text: str) -> str:
    """Replaces the options of the command line in a text by Python arguments.

    Commands in backquotes and options without an equivalent in Python stay unchanged.

    Args:
      text: A message, such as an error.

    >>> in_python("Pass --data.max-pixels 1280, or --data.range LOW HIGH.")
    'Pass data.max_pixels=1280, or data.range=(LOW, HIGH).'
    >>> in_python("Choose another --workdir, or pass --data.backend grain.")
    "Choose another workdir, or pass data.backend='grain'."
    >>> in_python("Pass --data.classes ROAD true.")
    "Pass data.classes=('ROAD', 'true')."
    """
    return _OPTION.sub(_translated, text)


@contextlib.contextmanager
def option_words() -> Iterator[None]:
    """Returns a context manager in which errors keep the options of the command line.

    The command line calls functions of the Python interface in it.
    """
    token = _OPTIONS_KEPT.set(True)
    try:
        yield
    finally:
        _OPTIONS_KEPT.reset(token)


def with_python_words(target: Target) -> Target:
    """Makes a function, or the public methods of a class, word errors as in Python.

    The same exception is raised again; only its message, and those of the exceptions
    that caused it, change.

    Args:
      target: The function, or the class, whose methods are replaced.
    """
    if inspect.isclass(target):
        for name, value in list(vars(target).items()):
            if inspect.isfunction(value) and not name.startswith("_"):
                setattr(target, name, with_python_words(value))
        return target

    @functools.wraps(target)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return target(*args, **kwargs)
        except Exception as error:
            if not _OPTIONS_KEPT.get():
                _translate(error)
            raise

    return called  # type: ignore[return-value]


def _translate(error: BaseException | None) -> None:
    """Translates the message of an exception, and those of its causes."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (in_python(error.args[0]),)
        error = error.__cause__ or error.__context__


def _translated(match: re.Match[str]) -> str:
    if match["command"]:
        return match["command"]
    *_, last = parts = match["name"].replace("-", "_").split(".")
    name = re.sub(r"\.(\d+)(?=\.)", r"[\1]", ".".join(parts))
    if len(parts) == 1:
        limit, listed, strings = _ARGUMENTS[last], last == "scores", False
    else:
        limit, listed, strings = _expected(parts)
    values: list[str] = []
    end = 0
    for found in re.finditer(rf" ({_VALUE})", match["values"]):
        word = found[1].rstrip(".:") if found[1][0] not in "'\"" else found[1]
        if len(values) == limit or found[1] in _CONTINUES or not word:
            break
        values.append(word)
        end = found.start(1) + len(word)
        if word != found[1]:  # The sentence ends here.
            break
    rest = match["values"][end:]
    if not values:
        return name + rest
    shown = [_literal(value, strings) for value in values]
    if len(shown) == 1 and not listed:
        return f"{name}={shown[0]}{rest}"
    comma = "," if len(shown) == 1 else ""
    return f"{name}=({', '.join(shown)}{comma}){rest}"


def _expected(parts: list[str]) -> tuple[int, bool, bool]:
    """Returns how many values a field takes, whether it is a list, and of strings."""
    *sections, name = parts
    section = next((s for s in reversed(sections) if hasattr(Config(), s)), "")
    fields = dataclasses.fields(getattr(Config(), section))
    kind = next((str(field.type) for field in fields if field.name == name), "tuple")
    listed = ", ...]" in kind
    limit = 100 if listed or kind == "tuple" else 2 if "tuple" in kind else 1
    return limit, listed, listed and "str" in kind


def _literal(word: str, string: bool) -> str:
    """Returns a value of the command line as an expression of Python."""
    if word[0] in "'\"":
        return repr(word[1:-1])
    if string:
        return repr(word)
    if re.fullmatch(r"[A-Z][A-Z_]*", word):  # A placeholder.
        return word
    if word in ("true", "false"):
        return word.title()
    number = re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", word)
    return word if number else repr(word)
