"""Tests that files and folders are either complete or unchanged."""

import os
import stat
import subprocess
import sys
import time

import pytest

from jaxseg.storage import atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_with_its_folders(tmp_path):
    atomic.write_text(tmp_path / "a" / "b.txt", "é\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "é\n".encode()
    assert names(tmp_path / "a") == ["b.txt"]


def test_a_file_keeps_the_mode_that_new_files_have(tmp_path):
    (tmp_path / "plain").write_text("")
    atomic.write_bytes(tmp_path / "atomic", b"")
    modes = [(tmp_path / n).stat().st_mode for n in ("plain", "atomic")]
    assert stat.S_IMODE(modes[0]) == stat.S_IMODE(modes[1])


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
def test_an_interrupted_file_leaves_the_old_one(tmp_path, error):
    (tmp_path / "x.png").write_bytes(b"old")
    with (
        pytest.raises(type(error)),
        atomic.replacing(tmp_path / "x.png") as temporary,
    ):
        temporary.write_bytes(b"half")
        raise error
    assert (tmp_path / "x.png").read_bytes() == b"old"
    assert names(tmp_path) == ["x.png"]


def test_the_temporary_file_has_the_suffix_and_the_folder(tmp_path):
    with atomic.replacing(tmp_path / "x.png") as temporary:
        assert (temporary.suffix, temporary.parent) == (".png", tmp_path)
        temporary.write_bytes(b"new")
    assert (tmp_path / "x.png").read_bytes() == b"new"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    atomic.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_directly():
    atomic.write_text(os.devnull, "gone")
    assert not os.path.isfile(os.devnull)


def test_a_folder_appears_at_the_end(tmp_path):
    target = tmp_path / "run"
    with atomic.building(target) as temporary:
        (temporary / "ckpt").mkdir()
        (temporary / "ckpt" / "a").write_text("1")
        assert not target.exists()
    assert (target / "ckpt" / "a").read_text() == "1"
    assert names(tmp_path) == ["run"]


def test_an_interrupted_folder_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="full"), atomic.building(tmp_path / "run") as at:
        (at / "a").write_text("1")
        raise OSError("full")
    assert names(tmp_path) == []


def test_an_empty_folder_is_replaced_and_a_full_one_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with atomic.building(tmp_path / "empty") as temporary:
        (temporary / "a").touch()
    assert names(tmp_path / "empty") == ["a"]
    with (
        pytest.raises(FileExistsError, match="expected a new or empty folder"),
        atomic.building(tmp_path / "empty"),
    ):
        pass
    assert names(tmp_path) == ["empty"]


def test_the_next_writer_of_a_file_removes_what_a_killed_one_left(tmp_path):
    mine = atomic.temporary_name(tmp_path / "x[1].txt").name
    start = mine.rpartition("_")[2]
    left, living, other = (
        tmp_path / name
        for name in (
            mine.replace(start, f"1{start}"),  # another process had this number
            mine,
            mine.replace("x[1]", "y[1]").replace(start, f"1{start}"),
        )
    )
    for path in (left, living, other):
        path.touch()
    atomic.write_text(tmp_path / "x[1].txt", "text")
    assert set(tmp_path.iterdir()) == {tmp_path / "x[1].txt", living, other}


def test_what_another_host_left_is_swept_away_after_a_day(tmp_path):
    folder = tmp_path / ".x.building-0123456789ab_1_5-0"
    folder.mkdir()
    (folder / "part").touch()
    yesterday = time.time() - 90_000
    os.utime(folder, (yesterday, yesterday))
    assert atomic.sweep(tmp_path) == []
    os.utime(folder / "part", (yesterday, yesterday))
    assert atomic.sweep(tmp_path) == [folder]
    assert names(tmp_path) == []


@pytest.mark.slow
def test_only_what_ended_processes_left_is_swept_away(tmp_path):
    code = (
        "import sys; from pathlib import Path; from jaxseg.storage import atomic\n"
        "name = atomic.temporary_name(Path(sys.argv[1]))\n"
        "name.mkdir(); (name / 'part').touch()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=True)
    (left,) = tmp_path.iterdir()
    mine = atomic.temporary_name(tmp_path / "out.png")
    mine.touch()
    reused = tmp_path / mine.name.replace(f"_{os.getpid()}_", f"_{os.getpid()}_1")
    reused.touch()  # the same number, but a process that started at another time
    foreign = tmp_path / ".x.building-0123456789ab_1_5-0"
    foreign.touch()
    (tmp_path / ".hidden").touch()
    assert set(atomic.sweep(tmp_path)) == {left, reused}
    assert set(names(tmp_path)) == {mine.name, foreign.name, ".hidden"}
