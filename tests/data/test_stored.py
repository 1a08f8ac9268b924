"""Tests the errors for damaged prepared data and the removal of abandoned builds."""

import json
import os
import shutil

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import class_frequencies, from_builder, open_source
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.prepare import prepare
from jaxseg.data.stored import LIST, DamagedData
from jaxseg.storage import atomic

SMALL = drawn_config(DATASETS["shapes"], size=(24, 32), train=6, validation=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Prepares a small dataset that tests only read."""
    root = tmp_path_factory.mktemp("whole")
    prepare(SMALL, root)
    return root


@pytest.fixture
def root(whole, tmp_path):
    """Copies the prepared data, so that a test can damage them."""
    return shutil.copytree(whole, tmp_path / "root")


def folder(root):
    (found,) = root.glob("array_record/shapes/*/*")
    return found


def read_all(root):
    """Reads everything that training reads of the data."""
    source = from_builder(prepare(SMALL, root), "train", cache=False)
    return [source[i]["image"].tobytes() for i in range(len(source))], source.ids


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def delete(path):
    path.unlink()


def flip(path, place=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 3 if place is None else place] ^= 4
    path.write_bytes(bytes(data))


RECORDS = "shapes-train.array_record-00000-of-00001"


@pytest.mark.parametrize(
    "listed", [True, False], ids=["listed", "made before the list"]
)
@pytest.mark.parametrize("damage", [cut, empty, delete, flip])
@pytest.mark.parametrize("name", [RECORDS, "dataset_info.json", "features.json"])
def test_damage_is_refused_or_changes_nothing(root, whole, name, damage, listed):
    before, path = read_all(whole), folder(root) / name
    if name == RECORDS and damage is flip:
        path_damage = lambda p: flip(p, 200)  # within the first record
    else:
        path_damage = damage
    path_damage(path)
    if not listed:
        (folder(root) / LIST).unlink()
    try:
        found = read_all(root)
    except DamagedData as error:
        text = str(error)
        assert text.startswith(f"the prepared data in {folder(root)} are damaged (")
        assert text.endswith(
            "). Delete that folder, and the next start prepares them again."
        )
        assert "\n" not in text
    else:  # what `files.json` would have told
        assert not listed or name == RECORDS
        assert found == before or name != RECORDS


def test_following_the_remedy_prepares_anew(root, whole):
    cut(folder(root) / RECORDS)
    with pytest.raises(DamagedData):
        read_all(root)
    shutil.rmtree(folder(root))
    assert read_all(root) == read_all(whole)


def test_every_byte_of_the_small_files_counts(root):
    listed = json.loads((folder(root) / LIST).read_text())
    small = [name for name, entry in listed.items() if len(entry) == 2]
    assert {"dataset_info.json", "features.json"} <= set(small)
    for name in small:
        path = folder(root) / name
        data = path.read_bytes()
        for place in np.random.default_rng(0).integers(0, len(data), 5):
            flip(path, int(place))
            with pytest.raises(
                DamagedData, match=f"{name} has changed since it was written"
            ):
                prepare(SMALL, root)
            path.write_bytes(data)
    read_all(root)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff"])
def test_a_damaged_list_is_refused(root, text):
    (folder(root) / LIST).write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedData, match=LIST):
        prepare(SMALL, root)


@pytest.mark.parametrize(
    "text",
    [b"", b'{"pixels": [1', b"\xff", b"[]", b'{"pixels": [1], "present_pixels": [1]}'],
)
def test_damaged_counts_are_counted_anew(root, text, caplog):
    source = from_builder(prepare(SMALL, root), "train")
    counts = class_frequencies(source)
    (path,) = folder(root).glob("class_frequencies-*.json")
    path.write_bytes(text)
    assert class_frequencies(source) == counts
    assert f"{path} are damaged" in caplog.text
    caplog.clear()
    assert class_frequencies(source) == counts and not caplog.text


@pytest.mark.slow
def test_builds_of_processes_that_died_are_removed(tmp_path):
    place = tmp_path / "array_record"
    place.mkdir()
    mine = atomic.temporary_name(place / "data").name
    # The process number of this process, but with another start: that process has died.
    died = place / mine.replace(f"_{os.getpid()}_", f"_{os.getpid()}_1")
    assert died.name != mine
    died.mkdir()
    (died / "part").touch()
    for name, age in ((".building-old", 90_000), (".building-new", 1_000)):
        (place / name).mkdir()
        (place / name / "part").touch()
        for path in (place / name / "part", place / name):
            then = path.stat().st_mtime - age
            os.utime(path, (then, then))
    assert len(list(place.iterdir())) == 3
    prepare(SMALL, tmp_path)
    assert {path.name for path in place.iterdir()} == {".building-new", "shapes"}


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch):
    config = DataConfig(
        name="folder", raw_dir=str(tmp_path / "none"), prepared_dir=str(tmp_path)
    )
    with pytest.raises(ValueError):
        open_source(config, "train")

    def fail(*_, **__):
        raise RuntimeError("write() failed: No space left on device\nmore")

    monkeypatch.setattr(
        "tensorflow_datasets.core.DatasetBuilder.download_and_prepare", fail
    )
    with pytest.raises(
        OSError, match=r"'shapes' cannot be prepared in .*No space left"
    ) as e:
        prepare(SMALL, tmp_path)
    assert "\n" not in str(e.value)
    assert list((tmp_path / "array_record").iterdir()) == []
