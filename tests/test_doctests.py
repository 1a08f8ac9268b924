"""The examples of the docstrings give what they say."""

import doctest
import importlib
import pathlib

import pytest

import jaxseg

PACKAGE = pathlib.Path(jaxseg.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if ">>> " in p.read_text())
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


def test_no_example_is_skipped():
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert not [path for path, text in texts.items() if "doctest: +SKIP" in text]
