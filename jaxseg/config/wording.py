"""Words the errors of the Python interface with Python arguments, not with options.

The library states remedies with options of the command line, as in "pass
--data.max-pixels 1280". The functions that users of Python call translate them.
`option_text` quotes values that come from the user, so that they keep their meaning.
"""

import ast
import contextlib
import contextvars
import dataclasses
import functools
import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from jaxseg.config.run import Config

Target = TypeVar("Target", bound=Callable[..., Any])

_OPTIONS_KEPT = contextvars.ContextVar("options_kept", default=False)
# Options outside the configuration with the number of their values. Arguments of the
# Python functions have the same names.
_ARGUMENTS = {"workdir": 0, "checkpoint": 1, "images": 1, "scores": 1}
_SECTIONS = "|".join(field.name for field in dataclasses.fields(Config))
_QUOTED = r"(?:'[^'\n]*'|\"[^\"\n]*\")+"
_VALUE = rf"{_QUOTED}|[^\s,;()`'\"]+"
_PLACEHOLDER = r"[A-Z][A-Z_]*"
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


def option_text(name: str, *values: object) -> str:
    """Writes an option of the command line with its values.

    A value is quoted if a shell, or a reader of the sentence around the option, would
    not take it as one value.

    Args:
      name: The name of the option without the leading dashes, such as "data.classes".
      *values: The values. Where any type is allowed, as in "model.options.rates", a
        string that would be read as another type is quoted twice.

    >>> option_text("data.classes", "road", "traffic light", "in")
    "--data.classes road 'traffic light' 'in'"
    >>> option_text("model.options.rates", 6, 12)
    '--model.options.rates 6 12'
    """
    words = " ".join(_word(value, free=".options." in name) for value in values)
    return f"--{name} {words}"


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
    >>> in_python("Pass --data.train-split 'a[:8]' --data.eval-split b.")
    "Pass data.train_split='a[:8]', data.eval_split='b'."
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

    The constructor of a class counts as a public method.

    The same exception is raised again; only its message, and those of the exceptions
    that caused it, change.

    Args:
      target: The function, or the class, whose methods are replaced.
    """
    if inspect.isclass(target):
        for name, value in list(vars(target).items()):
            public = not name.startswith("_") or name == "__init__"
            if inspect.isfunction(value) and public:
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
        expected = _Expected(_ARGUMENTS[last], listed=last == "scores")
    else:
        expected = _expected(parts)
    values: list[str] = []
    end = 0
    for found in re.finditer(rf" ({_VALUE})", match["values"]):
        word = found[1].rstrip(".:") if found[1][0] not in "'\"" else found[1]
        if len(values) == expected.limit or found[1] in _CONTINUES or not word:
            break
        values.append(word)
        end = found.start(1) + len(word)
        if word != found[1]:  # The sentence ends here.
            break
    rest = match["values"][end:]
    if not rest and _OPTION.match(match.string, match.end() + 1):
        rest = ","  # A shell separates two options by a space only.
    if not values:
        return name + rest
    shown = [_literal(value, expected) for value in values]
    if len(shown) == 1 and not expected.listed:
        return f"{name}={shown[0]}{rest}"
    comma = "," if len(shown) == 1 else ""
    return f"{name}=({', '.join(shown)}{comma}){rest}"


@dataclasses.dataclass(frozen=True)
class _Expected:
    """Describes the values of an option.

    Attributes:
      limit: The largest number of values.
      listed: Whether the values are a list, even if there is only one.
      strings: Whether each value is a string.
      free: Whether values are Python literals where possible, as those of the options
        of a network.
    """

    limit: int
    listed: bool = False
    strings: bool = False
    free: bool = False


def _expected(parts: list[str]) -> _Expected:
    *sections, name = parts
    section = next((s for s in reversed(sections) if hasattr(Config(), s)), "")
    fields = dataclasses.fields(getattr(Config(), section))
    kind = next((str(field.type) for field in fields if field.name == name), "")
    if not kind:
        return _Expected(limit=100, free=True)
    listed = ", ...]" in kind
    limit = 100 if listed else 2 if "tuple" in kind else 1
    strings = kind == "str" or (listed and "str" in kind)
    return _Expected(limit, listed, strings)


def _literal(word: str, expected: _Expected) -> str:
    """Returns a value of the command line as an expression of Python."""
    quoted = word[0] in "'\""
    if quoted:
        (word,) = shlex.split(word)
    elif not expected.listed and re.fullmatch(_PLACEHOLDER, word):
        return word
    if expected.free:
        return repr(_read(word))
    if quoted or expected.strings:
        return repr(word)
    if word in ("true", "false", "None"):
        return word.title()
    number = re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", word)
    return word if number else repr(word)


def _word(value: object, *, free: bool) -> str:
    """Returns a value as a word of the command line, with quotes if it needs them."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return shlex.quote(str(value))
    if free and _read(value) != value:
        return shlex.quote(repr(value))
    plain = re.fullmatch(r"[\w@%+=:./-]*[\w@%+=/-]", value) and value[0] != "-"
    kept = value in _CONTINUES or re.fullmatch(_PLACEHOLDER, value)
    quoted = shlex.quote(value)
    return f"'{value}'" if quoted == value and (kept or not plain) else quoted


def _read(word: str) -> object:
    """Reads a value of any type as the command line does."""
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return word
