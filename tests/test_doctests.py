"""The examples of the docstrings give what they say."""

import doctest
import importlib
import pathlib

import pytest
from flax import linen

import jaxseg
import jaxseg.nn

PACKAGE = pathlib.Path(jaxseg.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if ">>> " in p.read_text())
BLOCKS = PACKAGE.parent / "docs" / "guide" / "blocks.md"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", [module_name(path) for path in FILES])
def test_the_examples_of_a_module(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(
        importlib.import_module(name), optionflags=OPTIONS, report=True
    )
    assert tried and not failed


@pytest.mark.slow
def test_the_page_of_blocks_shows_every_block():
    """Its examples run, and each public block is created in one of them."""
    failed, tried = doctest.testfile(str(BLOCKS), False, optionflags=OPTIONS)
    assert tried and not failed
    text = BLOCKS.read_text()
    modules = {
        name
        for name, block in vars(jaxseg.nn).items()
        if isinstance(block, type) and issubclass(block, linen.Module)
    }
    assert not [name for name in modules if f"nn.{name}(" not in text]


def test_no_example_is_skipped():
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert not [path for path, text in texts.items() if "doctest: +SKIP" in text]
