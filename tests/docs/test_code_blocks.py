"""Everything that a reader of the documentation would type is run.

CONTRIBUTING.md describes the comments in front of blocks.
"""

import concurrent.futures
import dataclasses
import doctest
import importlib.util
import multiprocessing
import pathlib

import pytest

from tests.conftest import CACHE
from tests.docs import comparison, pages, prepared, worker

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "_build" not in path.parts
    and any(block.language in pages.RUN for block in pages.blocks_of(path.read_text()))
)
SECONDS = 300  # after which a block counts as hanging


@pytest.fixture(scope="session")
def process(drawn_data, tmp_path_factory):
    """The process in which the blocks of all pages run."""
    folder = tmp_path_factory.mktemp("bin")
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=worker.start,
        initargs=(str(drawn_data), str(CACHE), str(folder)),
    ) as pool:
        yield lambda function, *values: pool.submit(function, *values).result(SECONDS)


@pytest.fixture(scope="session")
def run(process, tmp_path_factory):
    """A narrow network that was trained for a few steps on drawn scenes."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    line = prepared.RUN.format(folder=folder)
    status, printed = process(worker.command, line, str(folder.parent))
    assert status == 0, printed
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in PAGES])
def test_the_blocks_of_a_page_run(path, process, run, tmp_path):
    blocks = pages.blocks_of((ROOT / path).read_text())
    kinds = prepared.KINDS | {"run": prepared.copy_of(run)}
    for block in blocks:
        for value in block.values("use"):
            kind, _, place = value.partition(" ")
            kinds[kind](tmp_path / place)
        if not has_packages(block):
            continue
        where = f"{path}:{block.line}"
        for line in block.values("hidden"):
            status, printed = process(worker.command, line, str(tmp_path))
            assert status == 0, f"{where}: {line}\n{printed}"
        for line in block.values("hidden python"):
            status, printed = process(worker.python, line, str(tmp_path), where)
            assert status == 0, f"{where}: {line}\n{printed}"
        if block.is_run:
            run_block(block, pages.everywhere(blocks), process, str(tmp_path), where)


def has_packages(block):
    """Whether all packages of the marks `needs: NAME...` are installed."""
    names = " ".join(block.values("needs")).split()
    return all(importlib.util.find_spec(name) for name in names)


def run_block(block, common, process, folder, where):
    """Runs one block, and compares what it prints with the page."""
    code, own = block.code, map(pages.replacement, block.values("replace"))
    for old, new in own:
        assert old in code, f"{where}: the block does not contain {old!r}"
        code = code.replace(old, new)
    for old, new in common:
        code = code.replace(old, new)
    fails = bool(block.values("fails"))
    if names := block.values("file"):
        (pathlib.Path(folder) / names[0]).write_text(code)
        return
    if block.language in ("python", "pycon"):
        function = worker.python if block.language == "python" else worker.session
        results = [(process(function, code, folder, where), block.output, where)]
    else:
        block = dataclasses.replace(block, code=code)
        results = [
            (process(worker.command, line, folder), output, f"{where}: {line}")
            for line, output in pages.commands_of(block)
        ]
    for (status, printed), shown, place in results:
        assert (status != 0) == fails, f"{place}\nexit status {status}\n{printed}"
        if shown is not None:
            both = f"shown:\n{shown}\nprinted:\n{printed}"
            assert comparison.agrees(shown, printed), f"{place}\n{both}"


def test_no_command_is_in_a_block_without_a_language():
    for path in (ROOT / "docs").rglob("*.md"):
        for block in pages.blocks_of(path.read_text()):
            command = block.code.startswith(("$ ", "jaxseg "))
            assert block.language or not command, f"{path}:{block.line}"


def test_every_block_that_is_not_run_gives_a_reason():
    for path in PAGES:
        for block in pages.blocks_of(path.read_text()):
            for reason in block.values("not run"):
                assert len(reason.split()) > 2, f"{path}:{block.line}: {reason!r}"


@pytest.mark.parametrize("module", [comparison, pages, worker])
def test_the_examples_of_the_helpers(module):
    assert doctest.testmod(module).failed == 0


def test_output_that_differs_is_noticed():
    shown = "unet of step 10, ... images\nmean_iou 0.51\n"
    assert comparison.agrees(shown, "unet of step 10, 4 images\nmean_iou 0.48")
    assert not comparison.agrees(shown, "unet of step 11, 4 images\nmean_iou 0.48")
    assert not comparison.agrees(shown, "unet of step 10, 4 images\nmean_iou 0.48\nx")


def test_a_block_is_found_with_its_marks_and_its_output():
    text = (
        "<!-- replace: a -> b -->\n```bash\na \\\n  c\n# why\nd\n```\n\n"
        "```text\nout\n```\n:::{tab-item} torch\n```python\nx\n```\n:::\n"
        "<!-- not run: it needs a TPU -->\n```console\n$ one\n1\n$ two \\\n  more\n```\n"
    )
    bash, python, console = pages.blocks_of(text)
    assert bash.marks == (("replace", "a -> b"),) and python.marks == ()
    assert pages.commands_of(bash) == [("a c", None), ("d", "out\n")]
    assert pages.commands_of(console) == [("one", "1\n"), ("two more", "")]
    assert not console.is_run and python.is_run and python.code == "x\n"
    with pytest.raises(ValueError, match=r"line 1: mark='<!-- never run: x"):
        pages.blocks_of("<!-- never run: x -->\n")
