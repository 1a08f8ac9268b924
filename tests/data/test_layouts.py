"""Tests how pairs are found in folders and lists."""

import os

import pytest

from jaxseg.data import layouts
from jaxseg.data.datasets import DATASETS


def names(splits):
    return {split: [pair.name for pair in pairs] for split, pairs in splits.items()}


def test_split_folders(tmp_path, write_pair):
    write_pair(tmp_path / "train", "b")
    write_pair(tmp_path / "train", "a", suffix=".jpg")
    write_pair(tmp_path / "val", "c")
    splits = layouts.folder_pairs(tmp_path)
    assert names(splits) == {"train": ["a", "b"], "validation": ["c"]}
    assert splits["train"][0].image == tmp_path / "train/images/a.jpg"
    assert splits["train"][0].mask == tmp_path / "train/masks/a.png"


def test_lists(tmp_path, write_pair):
    for name in ("a", "b.0", "c"):
        write_pair(tmp_path, name)
    (tmp_path / "train.txt").write_text("c.png\nb.0\n\n")
    (tmp_path / "val.txt").write_text("a\n")
    splits = layouts.folder_pairs(tmp_path)
    assert names(splits) == {"train": ["c", "b.0"], "validation": ["a"]}
    assert splits["train"][1].origin == "train.txt, line 2"


def test_without_lists_all_is_train(tmp_path, write_pair):
    write_pair(tmp_path, "a")
    assert names(layouts.folder_pairs(tmp_path)) == {"train": ["a"]}


def test_unmatched_files_stay_visible(tmp_path, write_pair):
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    (tmp_path / "images/a.png").unlink()
    (tmp_path / "masks/b.png").unlink()
    first, second = layouts.folder_pairs(tmp_path)["train"]
    assert (first.name, first.image) == ("a", None)
    assert (second.name, second.mask) == ("b", None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (["images/a.png"], "masks is not a folder"),
        (["train/images/a.png"], "masks is not a folder"),
        (["other/a.png"], r"expected images/ or <split>/images/ .*found \['other'\]"),
        (["images/a.png", "images/a.jpg", "masks/a.png"], "share one name"),
        (
            [f"{s}/{p}/a.png" for s in ("val", "valid") for p in ("images", "masks")],
            "split 'validation' is defined twice",
        ),
    ],
)
def test_bad_layouts_are_refused(tmp_path, make, message):
    for path in make:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    with pytest.raises(ValueError, match=message):
        layouts.folder_pairs(tmp_path)


def test_camvid_needs_both_halves(tmp_path):
    for name in ("train", "trainannot", "val"):
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="valannot is not a folder"):
        DATASETS["camvid"].layout(tmp_path)
    (tmp_path / "valannot").mkdir()
    assert list(DATASETS["camvid"].layout(tmp_path)) == ["train", "validation"]
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="testannot is not a folder"):
        DATASETS["camvid"].layout(tmp_path)


def test_missing_root_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere is not a folder"):
        layouts.folder_pairs(tmp_path / "nowhere")


def test_fingerprint_sees_files_and_options(tmp_path, write_pair):
    def mark(*options):
        return layouts.fingerprint(layouts.folder_pairs(tmp_path), options)

    write_pair(tmp_path, "a")
    first = mark()
    assert mark() == first
    assert mark("option") != first
    status = os.stat(tmp_path / "masks/a.png")
    os.utime(tmp_path / "masks/a.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    touched = mark()
    assert touched != first
    write_pair(tmp_path, "b")
    assert mark() not in (first, touched)
