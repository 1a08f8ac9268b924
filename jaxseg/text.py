"""Escapes unprintable characters, selects and suggests names, and forms plurals."""

import difflib
import fnmatch
from collections.abc import Iterable

SHOWN = 40  # An error lists at most this many names.


def printable(text: object, *, limit: int = 200, keep: str = "") -> str:
    r"""Escapes control characters and shortens long text.

    Error messages and reports show names from weight files, datasets and image files.
    A control character in such a name can move the cursor, change colors or hide text
    on a terminal, and an unpaired surrogate cannot be printed at all.

    Args:
      text: The text. Any other object is converted to a string.
      limit: The largest number of characters of the text that are shown.
      keep: Control characters that are not escaped, such as line breaks.

    Returns:
      The text with an escape sequence for every unprintable character.

    >>> printable("conv\x1b[31m.weight")
    'conv\\x1b[31m.weight'
    >>> printable("a" * 10, limit=4)
    'aaaa...'
    """
    text = str(text)
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(_escaped(c) if c not in keep else c for c in shown)
    return shown + ("..." if len(text) > limit else "")


def as_message(text: object) -> str:
    """Escapes the unprintable characters of a text except line breaks.

    Args:
      text: The message. Any other object is converted to a string.
    """
    return printable(text, limit=100_000, keep="\n\t")


def near(name: str, allowed: Iterable[str]) -> str:
    """Returns the text that follows "is invalid" in an error about an unknown name.

    The text suggests the allowed names that are similar to the unknown one. If there
    are none, it lists the allowed names.

    Args:
      name: The unknown name.
      allowed: The allowed names.

    >>> near("unett", ["unet", "segnet"]), near("x", ["unet", "segnet"])
    (": expected a known name, such as 'unet'.", ': expected one of unet, segnet.')
    """
    names = list(allowed)
    close = similar(name, names)
    if close:
        return f": expected a known name, such as {' or '.join(map(repr, close))}."
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f": expected one of {', '.join(names[:SHOWN])}{more}."


def one_of(name: object, allowed: Iterable[object]) -> str:
    """Returns the text that follows "is invalid" in an error, with all allowed names.

    Use `near` if there are too many to list. Similar names are suggested at the end.

    Args:
      name: The unknown name, or a value of another type.
      allowed: The allowed names.

    >>> one_of("sgdd", ["sgd", "adamw"])
    ": expected one of sgd, adamw. Did you mean 'sgd'?"
    """
    names = [str(each) for each in allowed]
    return f": expected one of {', '.join(names)}.{did_you_mean(str(name), names)}"


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Returns a question that suggests similar names, or "" if there are none.

    Args:
      name: The unknown name.
      allowed: The allowed names.

    >>> did_you_mean("unett", ["unet", "segnet"])
    " Did you mean 'unet'?"
    """
    close = similar(name, allowed)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def similar(name: str, allowed: Iterable[str]) -> list[str]:
    """Returns at most three of the allowed names that are similar to an unknown name.

    Args:
      name: The unknown name.
      allowed: The allowed names.
    """
    return difflib.get_close_matches(name, list(allowed), n=3)


def fits(name: str, pattern: str) -> bool:
    """Returns whether a name contains a pattern, or all of it matches the wildcards.

    Args:
      name: The name.
      pattern: A part of the name, or a pattern with the wildcards `*`, `?` and `[...]`.

    >>> fits("resnet50", "net"), fits("resnet50", "resnet*"), fits("resnet50", "net*")
    (True, True, False)
    """
    wild = any(character in pattern for character in "*?[")
    return fnmatch.fnmatchcase(name, pattern) if wild else pattern in name


def fitting(pattern: str, names: Iterable[str], kind: str, command: str) -> list[str]:
    """Returns the sorted names that fit a pattern, as `fits` defines it.

    Args:
      pattern: The pattern.
      names: All names.
      kind: What the names stand for, such as "a backbone", for the error message.
      command: The command that lists all names, for the error message.

    Raises:
      ValueError: If no name fits. The message suggests the nearest names.
    """
    known = sorted(names)
    found = [name for name in known if fits(name, pattern)]
    if not found:
        near = difflib.get_close_matches(pattern, known, n=3, cutoff=0)
        raise ValueError(
            f"pattern={printable(pattern)!r} is invalid: expected a part of the name "
            f"of {kind}, or a pattern with wildcards that matches a whole name, such "
            f"as {', '.join(near)}. `{command}` lists all names."
        )
    return found


def counted(number: int, noun: str, plural: str = "") -> str:
    """Formats a number and a noun, which is in the plural unless the number is 1.

    >>> counted(1, "bad pair"), counted(1200, "class", "classes")
    ('1 bad pair', '1,200 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _escaped(character: str) -> str:
    if (
        character.isprintable() or character == "\u3000"
    ):  # the ideographic space is harmless
        return character
    return character.encode("unicode_escape").decode()
