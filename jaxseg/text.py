"""Text from foreign files, made safe to print."""


def printable(text: object, *, limit: int = 200, keep: str = "") -> str:
    r"""Escapes what a terminal would obey, and shortens what is too long.

    Names from weight files, data sets and images reach error messages and reports. A
    control character in them could move the cursor, change colors or hide text, and a
    lone surrogate could not be printed at all.

    Args:
      text: The name; anything else than a string is converted to one.
      limit: The most characters of the text that are shown.
      keep: Control characters that are left as they are, such as a line break.

    Returns:
      The text with every unprintable character as an escape sequence.

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
    """Escapes like `printable`, but keeps the lines of a whole message."""
    return printable(text, limit=100_000, keep="\n\t")


def _escaped(character: str) -> str:
    if character.isprintable() or character == "\u3000":  # a wide space
        return character
    return character.encode("unicode_escape").decode()
