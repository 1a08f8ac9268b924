"""The build of the documentation fails if a public name has no page."""

import io
import pathlib
import sys

import pytest

pytest.importorskip("sphinx")
EXTENSIONS = pathlib.Path(__file__).parents[2] / "docs" / "_ext"
CONFIGURATION = 'extensions = ["sphinx.ext.autodoc", "api_blocks", "public_names"]'
PAGE = "Names\n=====\n\n.. autofunction:: tiny.one\n"


@pytest.fixture
def warnings_of(tmp_path, monkeypatch):
    """A function that builds a site from one page and returns the warnings."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "tiny.py"
    package.write_text('__all__ = ["one", "two"]\ndef one(): "1."\ndef two(): "2."\n')
    import public_names
    from sphinx.application import Sphinx

    public_names.public_names.cache_clear()
    monkeypatch.setattr(public_names, "PACKAGES", ("tiny",))
    monkeypatch.setattr(public_names, "MODULES", ())
    monkeypatch.setattr(public_names, "undecided", lambda: ["tiny.other"])
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text(CONFIGURATION)

    def build(page):
        (tmp_path / "docs" / "index.rst").write_text(page)
        found, folder = io.StringIO(), str(tmp_path / "docs")
        out = str(tmp_path / "out")
        site = Sphinx(folder, folder, out, out, "dummy", status=None, warning=found)
        site.build()
        return [line for line in found.getvalue().splitlines() if "public" in line]

    yield build
    public_names.public_names.cache_clear()
    sys.modules.pop("tiny", None)


def test_a_public_name_without_a_page_and_an_undecided_package_are_warnings(
    warnings_of,
):
    missing, undecided = warnings_of(PAGE)
    assert "tiny.two is public, but no page" in missing
    assert "tiny.other has public names, but" in undecided


def test_no_warning_remains_if_every_name_has_a_page(warnings_of, monkeypatch):
    import public_names

    monkeypatch.setattr(public_names, "undecided", list)
    assert not warnings_of(PAGE + "\n.. autofunction:: tiny.two\n")


def test_every_package_with_public_names_is_decided(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import public_names

    assert public_names.undecided() == []
