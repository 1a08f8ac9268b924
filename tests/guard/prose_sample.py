"""Prints a random sample of the strings that users read, to judge their language.

Run it by hand: `python tests/guard/prose_sample.py --seed 1 --count 200`. It collects
the docstrings of public modules, classes and functions, the help texts of options, the
messages of raised errors and the log lines of `jaxseg`. A message appears as a template
with its expressions in braces.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import pathlib
import random
import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
OPTIONS = "jaxseg/config/"  # The docstrings of its classes become command-line help.
LOG_METHODS = ("debug", "info", "warning", "error", "exception", "critical")
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Text(NamedTuple):
    """Holds a string and its origin.

    Attributes:
      kind: "docstring", "help", "error" or "log".
      place: The file and the line.
      text: The string.
    """

    kind: str
    place: str
    text: str


def collect(root: pathlib.Path) -> list[Text]:
    """Collects the strings of all modules of the package below a folder.

    Args:
      root: The folder that contains `jaxseg`.

    Returns:
      The strings in a fixed order.
    """
    found = []
    for path in sorted((root / "jaxseg").rglob("*.py")):
        tree = with_constants(ast.parse(path.read_text(encoding="utf-8")))
        name = path.relative_to(root).as_posix()
        texts = [*docstrings(tree), *helps(tree), *messages(tree)]
        if name.startswith(OPTIONS):
            texts += described_fields(tree)
        found += [Text(kind, f"{name}:{line}", text) for kind, line, text in texts]
    return sorted({*found})


def with_constants(tree: ast.Module) -> ast.Module:
    """Replaces the names of string constants of a module by their values."""
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant | ast.JoinedStr)
    }

    class Replace(ast.NodeTransformer):
        def visit_Name(self, node):
            known = isinstance(node.ctx, ast.Load) and node.id in values
            return values[node.id] if known else node

    return Replace().visit(tree)


def docstrings(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yields the docstrings of a module and of its public classes and functions."""
    text = ast.get_docstring(tree)
    if text:
        yield "docstring", 1, text
    stack: list[ast.AST] = [tree]
    while stack:
        for node in ast.iter_child_nodes(stack.pop()):
            if not isinstance(node, DEFINITIONS) or node.name.startswith("_"):
                continue
            text = ast.get_docstring(node)
            if text:
                yield "docstring", node.lineno, text
            if isinstance(node, ast.ClassDef):
                stack.append(node)


def helps(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yields the help texts of options.

    They are strings after the fields of a class, and arguments `help=` of a parser.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for field, after in itertools.pairwise(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
                    text = template(after.value)
                    if text:
                        yield "help", after.lineno, text
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                text = template(keyword.value) if keyword.arg == "help" else ""
                if text:
                    yield "help", keyword.value.lineno, text


def described_fields(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yields the entries below `Attributes:` in docstrings, for classes of options."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        _, _, entries = (ast.get_docstring(node) or "").partition("Attributes:\n")
        for entry in re.split(r"\n(?=  \w)", entries):
            name, _, text = entry.strip().partition(": ")
            if text:
                yield "help", node.lineno, f"{name}: {' '.join(text.split())}"


def messages(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yields the messages of raised errors and of log calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            kind, arguments = "error", node.exc.args
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LOG_METHODS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("logger", "logging", "log")
        ):
            kind, arguments = "log", node.args[:1]
        else:
            continue
        text = ". ".join(filter(None, map(template, arguments)))
        called = getattr(node, "exc", node)
        if isinstance(getattr(called, "func", None), ast.Attribute) and (
            kind == "error" and called.func.attr == "error"
        ):  # The method adds the rest of the sentence.
            text = f"{{place}}={{value}} is invalid: expected {text}."
        # A template of expressions alone passes on the text of another message.
        if len(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{[^{}]*\}", "", text))) > 1:
            yield kind, node.lineno, text


def template(node: ast.AST) -> str:
    """Returns the text of a string expression, with other expressions in braces."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(template, node.values))
    if isinstance(node, ast.FormattedValue):
        inner = template(node.value)
        return inner or "{" + ast.unparse(node.value) + "}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return template(node.left) + template(node.right)
    return ""


def main() -> None:
    """Prints the sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="The seed of the sample.")
    parser.add_argument(
        "--count", type=int, default=200, help="The number of strings to print."
    )
    options = parser.parse_args()
    texts = collect(ROOT)
    chosen = random.Random(options.seed).sample(texts, min(options.count, len(texts)))
    kinds = ", ".join(
        f"{sum(text.kind == kind for text in texts)} {kind}"
        for kind in ("docstring", "help", "error", "log")
    )
    print(f"{len(chosen)} of {len(texts)} strings ({kinds}), seed {options.seed}\n")
    for number, text in enumerate(chosen, start=1):
        print(f"{number}. [{text.kind}] {text.place}")
        print(textwrap.indent(text.text, "    ") + "\n")


if __name__ == "__main__":
    main()
