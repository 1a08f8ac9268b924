"""Options that name a place where nothing can be written."""

import os

import pytest

from jaxseg.runs.places import FILES, FOLDERS, check_workdir
from jaxseg.storage.places import check_file, check_folder, make_folder

BAD = ("file", "file/below", "/dev/null", "/dev/null/x", "link/x", "a" * 300)


@pytest.mark.parametrize("folder", BAD)
@pytest.mark.parametrize("check", [check_folder, make_folder])
def test_a_folder_that_cannot_be_written_is_named_with_its_option(
    tmp_path, monkeypatch, check, folder
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("gone/for/good")
    before = sorted(os.listdir())
    with pytest.raises(ValueError, match=r"^output='.* is invalid: expected a") as seen:
        check("output", folder)
    text = str(seen.value)
    assert "\n" not in text and repr(folder) in text
    assert text.endswith(". Choose another directory.")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("name", ["new", "new/below", ".", ""])
def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    check_folder("output", name)
    check_file("output", f"{name or '.'}/scores.json")
    assert os.listdir() == []
    with pytest.raises(ValueError, match="this is a directory"):
        check_file("output", ".")


@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_a_run_directory_with_something_else_in_place_of_its_parts(tmp_path, name):
    check_workdir(tmp_path)
    path = tmp_path / name
    path.touch() if name in FOLDERS else path.mkdir()
    with pytest.raises(ValueError, match=r"^workdir='.*' is invalid: ") as seen:
        check_workdir(tmp_path)
    assert str(path) in str(seen.value) and "another --workdir" in str(seen.value)


def test_a_check_creates_no_folder(tmp_path, monkeypatch):
    """Two processes that start at once must not find each other's folders."""
    made = []
    monkeypatch.setattr(os, "mkdir", lambda *args, **_: made.append(args))
    check_folder("output", tmp_path / "a" / "b")
    assert made == [] and list(tmp_path.iterdir()) == []


def test_a_name_is_checked_in_a_folder_that_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"output=.*file name too long"):
        check_folder("output", tmp_path / "missing" / ("x" * 300) / "run")
