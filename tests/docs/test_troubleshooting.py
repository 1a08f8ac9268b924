"""The messages that the page on troubleshooting quotes are those of the program.

A message consists of string literals of the program and of values. Each word of a
quoted message must therefore belong to a literal whose parts all occur in the message,
in their order, or to a value of the example.
"""

import ast
import pathlib
import re

import pytest

from tests.docs import pages

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "troubleshooting.md"
LITERAL = 12  # the shortest literal that counts, in characters
SHORT = 3  # words of up to three letters are not compared
VALUES = {  # words of names, classes and errors of libraries in the messages
    *("address", "already", "background", "camvid", "channels", "classes", "dataset"),
    *("device", "disc", "failed", "file", "folder", "gray", "height", "here", "image"),
    *("left", "loss", "mask", "near", "note", "options", "oserror", "other", "photos"),
    *("pixels", "pole", "process", "processes", "ring", "shape", "sign", "space"),
    *("split", "step", "stored", "there", "titled", "train", "triangle", "truncated"),
    *("unet", "unrecognized", "uvicorn", "validation", "values", "width", "wire"),
}


def one_line(text):
    return " ".join(text.split())


def literal_parts(node):
    """The fixed parts of a string or an f-string, in their order."""
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = (v.value for v in values if isinstance(v, ast.Constant))
    found = (one_line(text).strip(" .:;,") for text in texts if isinstance(text, str))
    return tuple(part for part in found if part)


@pytest.fixture(scope="module")
def literals():
    """The parts of every literal of the program, in lower case."""
    found = set()
    for path in (ROOT / "jaxseg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                found.add(tuple(part.lower() for part in literal_parts(node)))
    return [parts for parts in found if sum(map(len, parts)) >= LITERAL]


def unknown_words(message, literals):
    """The words of a message that neither a literal nor a value contains."""
    covered = [False] * len(message)
    lower = message.lower()
    for parts in literals:
        if not all(part in lower for part in parts):
            continue
        pattern = ".*?".join(f"({re.escape(part)})" for part in parts)
        match = re.search(pattern, lower)
        for number in range(1, len(parts) + 1) if match else ():
            start, end = match.span(number)
            covered[start:end] = [True] * (end - start)
    words = re.finditer(r"(?<!\S)[(\"'`]*([A-Za-z]+)[)\"'`,;:.]*(?!\S)", message)
    found = {w[1].lower() for w in words if not all(covered[slice(*w.span(1))])}
    return {word for word in found if len(word) > SHORT} - VALUES


def messages():
    blocks = pages.blocks_of(PAGE.read_text())
    return [one_line(b.code) for b in blocks if b.language == "text"]


@pytest.mark.slow
def test_every_quoted_message_is_one_of_the_program(literals):
    assert len(messages()) > 50
    unknown = {message: unknown_words(message, literals) for message in messages()}
    assert {m: words for m, words in unknown.items() if words} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "old, new", [("expected", "wanted"), ("the file", "a document")]
)
def test_a_message_of_another_wording_is_noticed(literals, old, new):
    changed = [m.replace(old, new) for m in messages() if old in m]
    assert changed
    for message in changed:
        assert unknown_words(message, literals), message
