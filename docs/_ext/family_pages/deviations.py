"""Collects the comments that start with `Differs:` from the code of a family.

The code of a family are its files in `jaxseg/models` and the functions and classes of
other layers that these files use, directly or indirectly.
"""

import ast
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[3]
LAYERS = ("models", "heads", "backbones", "nn", "ops")
# These files serve nearly all networks; the index of the families lists their comments.
SHARED = ("nn/norm", "nn/residual", "nn/layers", "backbones/resnet_variant")
ENTRY = re.compile(r"\s*(\w+): ")


def deviations(modules: tuple[str, ...]) -> list[tuple[str, str]]:
    """Returns pairs of a file and a deviation for the networks of some modules.

    Args:
      modules: Names of files in `jaxseg/models`, without ".py".
    """
    used = {f"models/{module}": set() for module in modules}
    open_ = [(file, name) for file in used for name in _definitions(file)]
    while open_:
        file, name = open_.pop()
        if file in SHARED or name in used.setdefault(file, set()):
            continue
        used[file].add(name)
        open_ += _uses(file, name)
    return [(f"jaxseg/{file}.py", t) for file in used for t in _texts(file, used[file])]


def shared_deviations() -> list[tuple[str, str]]:
    """Returns pairs of a file and a deviation for the files that all networks share."""
    return [
        (f"jaxseg/{file}.py", text)
        for file in SHARED
        for text in _texts(file, set(_definitions(file)))
    ]


def comment(lines: list[str], number: int) -> str:
    """Returns the paragraph of the deviation in a line of a source file.

    >>> comment(["# Differs: the sum", "# is a mean.", "x = 1"], 0)
    'The sum is a mean.'
    """
    line = lines[number]
    if line.lstrip().startswith("#"):
        rest = _while(lines[number + 1 :], lambda x: x.lstrip().startswith("#"))
        text = " ".join(x.strip().lstrip("# ") for x in [line, *rest])
        return _sentence(text.partition("Differs:")[2])
    start = _entry(lines, number)
    if start is None:
        rest = _while(lines[number + 1 :], lambda x: bool(x.strip()))
        text = _joined([line, *rest]).partition("Differs:")[2]
        return _sentence(text)
    option = ENTRY.match(lines[start])[1]
    deeper = lambda x: x.strip() and _indent(x) > _indent(lines[start])
    text = _joined([lines[start], *_while(lines[start + 1 :], deeper)])
    before, _, after = text.partition(": ")[2].partition("Differs:")
    return f"Option `{option}`: {before}{_sentence(after)}"


def _entry(lines, number):
    """The line in which the description of an option starts that has this line."""
    if not lines[number].strip().startswith("Differs:") and ENTRY.match(lines[number]):
        return number
    above = number - 1
    while lines[above].strip() and _indent(lines[above]) >= _indent(lines[number]):
        above -= 1
    return above if ENTRY.match(lines[above]) else None


def _joined(lines):
    return " ".join(x.strip() for x in lines).partition('"""')[0].strip()


def _while(lines, holds):
    taken = []
    for line in lines:
        if not holds(line):
            break
        taken.append(line)
        if '"""' in line:
            break
    return taken


def _indent(line):
    return len(line) - len(line.lstrip())


def _sentence(text):
    """Starts a sentence with a capital letter, except for the name of a package."""
    text = text.strip()
    return text if "_" in text.split(" ")[0] else text[:1].upper() + text[1:]


def _texts(file, names):
    """The deviations in the docstring of a file and in some definitions."""
    lines = _source(file).split("\n")
    places = _definitions(file)
    skipped = [
        range(n.lineno - 1, n.end_lineno) for k, n in places.items() if k not in names
    ]
    return [
        comment(lines, number)
        for number, line in enumerate(lines)
        if "Differs:" in line and not any(number in place for place in skipped)
    ]


@functools.cache
def _source(file):
    return (ROOT / "jaxseg" / f"{file}.py").read_text(encoding="utf-8")


@functools.cache
def _definitions(file):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {n.name: n for n in ast.parse(_source(file)).body if isinstance(n, kinds)}


@functools.cache
def _imports(file):
    """The names that a file imports from the layers of networks, with their file."""
    found = {}
    for node in ast.parse(_source(file)).body:
        parts = (getattr(node, "module", None) or "").split(".")
        if parts[0] == "jaxseg" and len(parts) == 3 and parts[1] in LAYERS:
            for alias in node.names:
                found[alias.asname or alias.name] = ("/".join(parts[1:]), alias.name)
    return found


def _uses(file, name):
    """The definitions that one definition of a file uses."""
    node = _definitions(file).get(name)
    if node is None:
        return []
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    own = [(file, n) for n in names if n in _definitions(file) and n != name]
    return own + [_imports(file)[n] for n in names if n in _imports(file)]
