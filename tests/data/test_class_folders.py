"""Masks of overlapping classes: one folder of files for each class."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import open_source, train_batches
from jaxseg.data.class_folders import class_folder_names
from jaxseg.data.label_bits import pack, unpack
from jaxseg.data.statistics import count_classes

SIZE = (20, 30)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def write(tmp_path):
    """`write(count) -> root, present, known`: three images with `count` classes."""

    def files(count, top=255):
        random = np.random.default_rng(count)
        present = random.random((3, *SIZE, count)) < 0.3
        present[2, ..., -1] = False
        known = random.random((3, *SIZE)) < 0.9
        root = tmp_path / f"raw{count}"
        for i, split in enumerate(("train", "train", "validation")):
            image = random.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
            save(root / split / "images" / f"{i}.png", image)
            for k in range(count):
                mask = present[i, ..., k].astype(np.uint8) * (top if k else 1)
                save(root / split / "masks" / f"c{k:02d}" / f"{i}.png", mask)
            valid = known[i].astype(np.uint8)
            save(root / split / "valid" / f"{i}.png", valid)
        return root, present, known

    return files


def opened(root, tmp_path, split="train", **options):
    where = {"raw_dir": str(root), "prepared_dir": str(tmp_path / "data")}
    return open_source(DataConfig("multilabel_folder", **where, **options), split)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_labels_are_the_bits_of_the_masks(count, write, tmp_path):
    """Up to 7 classes have 8 bits, and more have 16."""
    root, present, known = write(count)
    source = opened(root, tmp_path)
    spec = source.spec
    assert spec.classes == tuple(f"c{k:02d}" for k in range(count))
    assert spec.multilabel and spec.void == (255 if count < 8 else 65535)
    assert source[0]["label"].dtype == spec.label_dtype
    for i in range(2):
        found, valid = unpack(source[i]["label"], count, spec.void)
        np.testing.assert_array_equal(valid, known[i])
        np.testing.assert_array_equal(found, present[i] & known[i][..., None])
    inside = present[:2] & known[:2, ..., None]
    assert count_classes(source).pixels == tuple(inside.sum((0, 1, 2)))
    last = opened(root, tmp_path, "validation")
    assert last.holding(spec.classes[-1:]) == ()
    assert source.holding(spec.classes[-1:]) == (0, 1)
    crop = DataConfig(crop=(32, 32), scale_range=(1, 1))
    batch = next(train_batches(source, crop, seed=0, batch_size=2))
    assert batch["label"].dtype == spec.label_dtype
    assert (batch["label"] != spec.void).sum() == known[batch["index"]].sum()


def test_the_order_of_classes_is_that_of_the_list(write, tmp_path):
    root, present, known = write(3)
    (root / "classes.txt").write_text("c02\nc00\n")
    source = opened(root, tmp_path)
    assert source.spec.classes == ("c02", "c00")
    found, _ = unpack(source[0]["label"], 2, 255)
    wanted = present[0][..., [2, 0]] & known[0][..., None]
    np.testing.assert_array_equal(found, wanted)
    assert class_folder_names(root, ("c01",))[0] == ("c01",)


def test_bits_survive_packing():
    random = np.random.default_rng(0)
    for count in (1, 7, 8, 15):
        present = random.random((40, count)) < 0.5
        known = random.random(40) < 0.7
        label = pack(present, known)
        found, valid = unpack(label, count, 255 if count < 8 else 65535)
        np.testing.assert_array_equal(valid, known)
        np.testing.assert_array_equal(found[known], present[known])
        assert not found[~known].any()
    with pytest.raises(ValueError, match="expected 1 to 15, found 16"):
        pack(np.ones((2, 16), bool), np.ones(2, bool))


def remove(root):
    (root / "train" / "masks" / "c01" / "1.png").unlink()


def gray(root):
    save(root / "train" / "masks" / "c01" / "1.png", np.full(SIZE, 7, np.uint8))


def small(root):
    save(root / "train" / "masks" / "c01" / "1.png", np.zeros((5, 5), np.uint8))


def unknown(root):
    (root / "classes.txt").write_text("c00\ncat\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove, r"no mask of the class 'c01': expected .*masks/c01/1.png. Write a m"),
        (gray, r"c01/1.png: the mask values \[7\] are invalid: expected 0 and 1, or"),
        (small, r"c01/1.png is 5 x 5: expected 20 x 30"),
        (unknown, r"the class 'cat' has no folder of masks in .*list: c00, c01, c02"),
    ],
)
def test_bad_folders_get_one_line(spoil, message, write, tmp_path):
    root, *_ = write(3)
    spoil(root)
    with pytest.raises(ValueError, match=message) as caught:
        opened(root, tmp_path)
    assert "\n" not in str(caught.value)
    if spoil is not unknown:
        assert not list((tmp_path / "data").rglob("dataset_info.json"))


def test_options_of_other_folders_are_refused(write, tmp_path):
    root, *_ = write(1)
    with pytest.raises(ValueError, match=r"data.labels='0:0 255:1' is invalid: exp"):
        opened(root, tmp_path, labels=((0, 0), (255, 1)))
    with pytest.raises(ValueError, match="expected one folder of masks for each cla"):
        (root / "flat" / "masks").mkdir(parents=True)
        save(root / "flat" / "images" / "a.png", np.zeros((4, 4, 3), np.uint8))
        opened(root / "flat", tmp_path)
