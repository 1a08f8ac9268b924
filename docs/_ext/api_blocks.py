"""Expands the blocks of the API reference, and prepares docstrings for Sphinx.

A page of the reference lists names of a module:

    ```{api} jaxseg.nn
    ASPP
    PyramidPooling
    LOSSES: A constant has no docstring, so its description is here.
    ```

Each name becomes an autodoc directive; `*` stands for all names that a module defines.
If the same object has another public name in a package that comes earlier, the entry
refers to that name.
"""

import importlib
import inspect
import re

from flax import linen
from public_names import defined_names, public_names

BLOCK = re.compile(r"^```\{api\} (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINEN = re.compile(r",? ?(\*, )?parent: .*$")
STYLE = re.compile(r"BlockConfig\(norm='batch'[^)]*\)")


def expand(app, name, source):
    """Replaces all blocks of a page; Sphinx calls this before it parses the page."""
    if name.startswith("reference/"):
        source[0] = BLOCK.sub(_as_directives, source[0])


def _as_directives(match):
    module, lines = match[1], match[2].splitlines()
    if lines == ["*"]:
        lines = [name for name in defined_names(module) if _is_first(module, name)]
    entries = [_entry(module, line) for line in lines if line.strip()]
    return "\n".join(("````{eval-rst}", *entries, "````"))


def _is_first(module, name):
    return f"{module}.{name}" in public_names()


def _entry(module, line):
    name, _, description = (part.strip() for part in line.partition(":"))
    path = f"{module}.{name}"
    value = getattr(importlib.import_module(module), name)
    first = next((n for n, v in public_names().items() if v is value), path)
    if description:
        return f".. py:data:: {path}\n\n   {description}\n"
    if first != path:
        return f".. py:data:: {path}\n\n   The same as :py:obj:`{first}`.\n"
    if not inspect.isclass(value):
        return f".. autofunction:: {path}\n"
    options = ["   :members:"]
    if issubclass(value, linen.Module):
        options = ["   :members:", "   :exclude-members: setup, parent, name"]
    return "\n".join((f".. autoclass:: {path}", *options, ""))


def prepare_docstring(app, what, name, obj, options, lines):
    """Adapts a docstring, which is plain text, to reStructuredText."""
    lines[:] = list(_adapted(lines))


def _adapted(lines):
    """Yields the lines: indented blocks become code, and text is escaped.

    The sentence after "Returns:" gets an empty type, because Napoleon would take
    everything before its first colon for the type.
    """
    before, in_session = "", False
    code_until = None  # the indentation at which an indented block of code ends
    for number, line in enumerate(lines):
        indent = _indentation(line)
        in_session = bool(line) and (in_session or line.lstrip().startswith(">>> "))
        if code_until is not None and line and indent <= code_until:
            code_until = None
        if code_until is None and _starts_code(lines, number):
            code_until = _indentation(before)
            yield from ("::", "")
        if code_until is not None or in_session:
            yield line
        elif before.strip() in ("Returns:", "Yields:") and lines[number - 1]:
            yield f"{line[:indent]}: {escaped(line.strip())}"
        else:
            yield escaped(line)
        before = line or before


def _indentation(line):
    return len(line) - len(line.lstrip())


def _starts_code(lines, number):
    """Whether the line begins an indented block after an empty line."""
    if number < 2 or not lines[number] or lines[number - 1]:
        return False
    before = next((line for line in reversed(lines[: number - 1]) if line), "")
    is_session = lines[number].lstrip().startswith(">>> ")
    return _indentation(lines[number]) > _indentation(before) and not is_session


def escaped(line):
    """Escapes asterisks and bars that are not in backticks, and links public names.

    >>> print(escaped("*args: [*n, C] and |x| in `a * b`"))
    *args: [\\*n, C] and \\|x\\| in `a * b`
    """
    start = re.match(r"\s*(\*{1,2}\w+:)?", line).end()
    parts = re.split("(`[^`]*`)", line[start:])
    parts[1::2] = map(_linked, parts[1::2])
    parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
    return line[:start] + "".join(parts)


def _linked(code):
    """Links a full public name, or the name of a class that only one module has."""
    name = code.strip("`").removesuffix("()")
    names = public_names()
    if name[:1].isupper():
        found = [full for full in names if full.rpartition(".")[2] == name]
        name = found[0] if len({id(names[full]) for full in found}) == 1 else ""
    return f":py:obj:`{code.strip('`')} <{name}>`" if name in names else code


def shorten_signature(app, what, name, obj, options, signature, returns):
    """Removes the fields that Flax adds, and the values of a default `BlockConfig`."""
    if signature and inspect.isclass(obj) and issubclass(obj, linen.Module):
        signature = f"{LINEN.sub('', signature.removesuffix(')'))})"
    if signature:
        signature = STYLE.sub("BlockConfig()", signature)
    return signature, returns


def setup(app):
    """Registers the events."""
    app.connect("source-read", expand)
    app.connect("autodoc-process-docstring", prepare_docstring, priority=100)
    app.connect("autodoc-process-signature", shorten_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
