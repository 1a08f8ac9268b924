"""Finds the code blocks of a page, with the comments that say how they are tested."""

from __future__ import annotations

import dataclasses
import re

RUN = ("python", "bash", "console", "pycon")
OTHERS = ("generated",)  # comments that other programs read
MARKS = (
    *("not run", "needs", "replace", "replace everywhere", "hidden", "hidden python"),
    *("use", "file", "fails"),
)
CONTAINERS = ("tab-set", "tab-item", "note", "tip", "warning", "dropdown", "admonition")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*(\{[\w-]+\}|\w*)(.*)$")
MARK = re.compile(r"^<!-- ([a-z ]+?)(?:: (.*))? -->$")


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
      language: One of RUN, or any other word.
      code: The text of the block.
      line: The number of the line of the fence.
      marks: Pairs of the name of a mark and its value, in the order of the page.
      output: The text of the block of plain text that follows it, or None.
    """

    language: str
    code: str
    line: int
    marks: tuple[tuple[str, str], ...] = ()
    output: str | None = None

    def values(self, name: str) -> list[str]:
        """The values of all marks of one name."""
        return [value for mark, value in self.marks if mark == name]

    @property
    def is_run(self) -> bool:
        """Whether the test runs the block."""
        return self.language in RUN and not self.values("not run")


def blocks_of(text: str) -> list[Block]:
    """All fenced blocks of a page, from top to bottom.

    Raises:
      ValueError: If a mark is unknown or lacks its value.
    """
    found: list[Block] = []
    marks: list[tuple[str, str]] = []
    lines = text.splitlines()
    number, adjacent = 0, False  # whether only empty lines follow the block before
    while number < len(lines):
        line = lines[number]
        fence = FENCE.match(line)
        if fence and fence[2].strip("{}") in CONTAINERS:
            marks = []
        elif fence:
            end = number + 1
            while end < len(lines) and lines[end].strip() != fence[1]:
                end += 1
            code = "\n".join(lines[number + 1 : end]) + "\n"
            block = Block(fence[2], code, number + 1, tuple(marks))
            if adjacent and block.language == "text" and not marks and found:
                found[-1] = dataclasses.replace(found[-1], output=code)
            else:
                found.append(block)
            marks, adjacent, number = [], block.language in RUN, end
        elif line.startswith("<!--"):
            marks += _marks(line, number + 1)
            adjacent = False
        elif line.strip():
            marks, adjacent = [], False
        number += 1
    return found


def _marks(line: str, number: int) -> list[tuple[str, str]]:
    match = MARK.match(line)
    if match and match[1] in MARKS and (match[2] or match[1] == "fails"):
        return [(match[1], match[2] or "")]
    if match and match[1] not in OTHERS and (match[2] or match[1] in MARKS):
        known = ", ".join(MARKS)
        raise ValueError(
            f"line {number}: mark={line!r} is invalid: expected one of {known}."
        )
    return []


def everywhere(blocks: list[Block]) -> list[tuple[str, str]]:
    """The replacements that hold for all blocks of a page."""
    values = [value for block in blocks for value in block.values("replace everywhere")]
    return list(map(replacement, values))


def replacement(value: str) -> tuple[str, str]:
    """The two texts of the mark `replace: OLD -> NEW`.

    Raises:
      ValueError: If there is no arrow.
    """
    old, arrow, new = value.partition(" -> ")
    if not arrow:
        raise ValueError(f"replace={value!r} is invalid: expected OLD -> NEW.")
    return old, new


def commands_of(block: Block) -> list[tuple[str, str | None]]:
    """The commands of a block, each with the output that the page shows, or None.

    A `console` block shows a command after `$ `, continued after a backslash, and its
    output below it. A `bash` block contains only commands; the output of the last one
    can follow in a block of plain text.
    """
    if block.language == "console":
        parts = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
        if parts[0].strip():
            raise ValueError(f"line {block.line}: a console block begins with '$ '.")
        return [_command_and_output(part) for part in parts[1:]]
    if "<<" in block.code:
        return [(block.code, block.output)]
    joined = re.sub(r" *\\\n\s*", " ", block.code)
    lines = [line.strip() for line in joined.splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    outputs = [None] * (len(commands) - 1) + [block.output]
    return list(zip(commands, outputs, strict=True))


def _command_and_output(part: str) -> tuple[str, str]:
    command, output = re.match(r"((?:.*\\\n)*.*\n?)([\s\S]*)", part).groups()
    return re.sub(r" *\\\n\s*", " ", command).strip(), output
