"""Finds what is proven about the networks of a family, in tests and stored tables."""

import ast
import functools
import pathlib
import re

from family_pages.record import Page, Written

ROOT = pathlib.Path(__file__).parents[3]
HEADERS = {  # The first line of each table of comparisons.
    "evaluation": "| Source | Network | Largest difference |",
    "training": "| Source | Network | Outputs | Gradients |",
}


@functools.cache
def compared(kind: str) -> tuple[pathlib.Path, list[list[str]]]:
    """Returns the file with a table of comparisons with other libraries, and its rows.

    Args:
      kind: "evaluation" or "training".

    Raises:
      FileNotFoundError: If no page has the table.
    """
    pages = sorted((ROOT / "docs" / "guide").glob("*.md"))
    for path in [ROOT / "README.md", *pages]:
        _, found, rest = path.read_text(encoding="utf-8").partition(HEADERS[kind])
        if found:
            table = rest.split("\n\n")[0].strip().split("\n")[1:]
            return path, [
                [cell.strip() for cell in line.strip("| ").split("|")] for line in table
            ]
    raise FileNotFoundError(f"No page has the table {HEADERS[kind]!r}.")


def peers(page: Page, kind: str) -> list[list[str]]:
    """Returns the rows of `compared` whose networks belong to a page."""
    return [row for row in compared(kind)[1] if re.search(page.peers, row[1])]


def tolerances() -> tuple[str, str]:
    """Returns the tolerances of outputs and gradients in the written-out comparisons.

    Both are relative to the largest value.
    """
    path = ROOT / "tests/parity/torch_layers.py"
    source = path.read_text(encoding="utf-8")
    outputs = re.search(r"def compare\((?:.|\n)*?rtol=([\de.-]+)", source)[1]
    gradients = re.search(r"_assert_close\(ours, slope, ([\de.-]+)", source)[1]
    return outputs, gradients


def check_written(test: Written) -> None:
    """Raises LookupError unless the test exists."""
    file, _, name = test.test.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    if name not in {getattr(node, "name", None) for node in tree.body}:
        raise LookupError(f"tests/{file} has no test {name!r}.")


def claims(file: str) -> str:
    """Returns what the docstring of a test file says that it checks."""
    path = ROOT / "tests" / file
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n")[0]
