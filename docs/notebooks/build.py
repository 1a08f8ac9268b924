"""Makes the notebooks of this folder from their sources, and executes them.

    python docs/notebooks/build.py                    all notebooks
    python docs/notebooks/build.py atrous_laboratory
    python docs/notebooks/build.py --short            quickly, stores nothing

A source is a Python file. The line `# %%` begins a cell of code, and the line
`# %% [markdown]` begins a cell of text. A cell of code with lines `# !COMMAND` becomes
a script for bash. Each notebook is executed in a temporary folder, and its outputs are
stored with it. A cell of code that begins with `# %% short: CODE` sets parameters of
the full form; in the short form, CODE is executed after it.

The documentation shows the stored outputs and executes nothing. Change a notebook only
by changing its source; a test compares the two.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import os
import pathlib
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE / "sources"
ROOT = HERE.parent.parent
SECONDS = 1800  # after which a cell counts as hanging
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def names() -> list[str]:
    """Returns the names of all notebooks."""
    return sorted(path.stem for path in SOURCES.glob("*.py"))


def stored(name: str) -> nbformat.NotebookNode:
    """Returns a notebook with its stored outputs."""
    return nbformat.read(HERE / f"{name}.ipynb", as_version=4)


def made(name: str, *, short: bool = False) -> nbformat.NotebookNode:
    """Returns the notebook of a source, without outputs.

    Args:
      name: The name of the source without its suffix.
      short: Whether to change the parameters to those of the short form.
    """
    blocks = re.split(r"^# %%", (SOURCES / f"{name}.py").read_text(), flags=re.M)[1:]
    cells = []
    for number, block in enumerate(blocks):
        head, _, body = block.partition("\n")
        lines = body.strip("\n").splitlines()
        if "[markdown]" in head:
            cell = new_markdown_cell("\n".join(line[2:] for line in lines))
        else:
            _, _, quick = head.partition("short:")
            if lines[0].startswith("# !"):
                lines = ["%%bash", *(line.removeprefix("# !") for line in lines)]
            lines += [quick.strip()] if short and quick else []
            cell = new_code_cell("\n".join(lines))
        cell["id"] = f"cell-{number}"
        cells.append(cell)
    return new_notebook(cells=cells, metadata=METADATA)


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Returns the notebook with its outputs.

    Raises:
      nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = copy.deepcopy(notebook)
    with environment(), tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata = copy.deepcopy(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs, commands=cell.source.startswith("%%"))
    return notebook


def tidied(
    outputs: list[nbformat.NotebookNode], *, commands: bool
) -> list[nbformat.NotebookNode]:
    """Returns the outputs of a cell in their shortest form.

    Consecutive pieces of text become one. Of the two forms of a picture that Pillow
    makes, PNG and JPEG, the larger one is removed.

    Args:
      outputs: The outputs as they came.
      commands: Whether to join the standard error with the standard output, as a
        terminal does.
    """
    tidy: list[nbformat.NotebookNode] = []
    for output in copy.deepcopy(outputs):
        if output.output_type == "stream":
            output.name = "stdout" if commands else output.name
            if tidy and tidy[-1].get("name") == output.name:
                tidy[-1].text += output.text
                continue
        forms = output.get("data", {})
        pictures = [form for form in forms if form.startswith("image/")]
        for form in sorted(pictures, key=lambda form: len(forms[form]))[1:]:
            del forms[form]
        tidy.append(output)
    return tidy


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """A context in which notebooks and their commands use this jaxseg and Python."""
    before = dict(os.environ)
    for name, first in (
        ("PATH", pathlib.Path(sys.executable).parent),
        ("PYTHONPATH", ROOT),
    ):
        os.environ[name] = os.pathsep.join(
            [str(first), *filter(None, [before.get(name)])]
        )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def cpu_seconds() -> float:
    """Returns the CPU time of the processes that this one has started and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Executes the notebooks that the command line names, by default all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=names())
    parser.add_argument("--short", action="store_true", help="store nothing")
    options = parser.parse_args()
    for name in options.names:
        start, before = time.perf_counter(), cpu_seconds()
        notebook = executed(made(name, short=options.short))
        if not options.short:
            nbformat.write(notebook, HERE / f"{name}.ipynb")
        wall, cpu = time.perf_counter() - start, cpu_seconds() - before
        print(f"{name}: {wall:.0f} s, {cpu:.0f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()
