"""Names from foreign files cannot steer a terminal, and can always be printed."""

import pytest

from jaxseg.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("backbone.conv1.weight", "backbone.conv1.weight"),
        ("Straße 道路", "Straße 道路"),
        ("wide\u3000space", "wide\u3000space"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\nc\td\0", r"a\rb\nc\td\x00"),
        ("\ufeffroad", r"\ufeffroad"),
        ("file\u202egnp.exe", r"file\u202egnp.exe"),
        ("half\udc80", r"half\udc80"),
        ("line\u2028end", r"line\u2028end"),
        (7, "7"),
    ],
)
def test_what_is_shown(text, shown):
    assert printable(text) == shown
    printable(text).encode()


def test_long_names_are_cut():
    assert printable("k" * 500) == "k" * 200 + "..."
    assert printable("k" * 200) == "k" * 200


def test_kept_characters():
    assert printable("a\n\x1b\tb", keep="\n") == "a\n\\x1b\\tb"
