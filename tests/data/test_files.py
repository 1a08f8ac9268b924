"""Tests which files of a folder count as images, for datasets and for `predict`."""

import dataclasses
import logging
import os
import pathlib
import unicodedata

import numpy as np
import pytest
from PIL import Image

from jaxseg.data import files, layouts, open_source
from jaxseg.inference.images import collect

COMPOSED, DECOMPOSED = (unicodedata.normalize(f, "über") for f in ("NFC", "NFD"))
COUNT = ("a.png", "B.JPG", "c.Tiff", "d.gif", "e.webp", "f.bmp", "g.ppm")
LEFT_BEHIND = ("._a.png", ".hidden.png", "Thumbs.db", "desktop.ini", ".DS_Store")
LEFT_BEHIND_FOLDERS = (".ipynb_checkpoints", "__MACOSX", "@eaDir")
OTHERS = ("notes.txt", "a.json", "scan.jp2", "noend")


def fill(folder):
    """Fills a folder with a file of every kind. All files except links are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COUNT + LEFT_BEHIND + OTHERS:
        (folder / name).touch()
    for name in (*LEFT_BEHIND_FOLDERS, "more"):
        (folder / name).mkdir()
        (folder / name / "x.png").touch()
    (folder / "link.png").symlink_to("gone.png")
    (folder / "folder.png").mkdir()
    return folder


def test_a_folder_is_listed_by_one_rule(tmp_path):
    listing = files.list_folder(fill(tmp_path / "in"))
    assert {path.name for path in listing.images} == {*COUNT, "link.png"}
    assert {path.name for path in listing.others} == {*OTHERS, "more", "folder.png"}
    names = [path.name for path in listing.images]
    assert names == sorted(names)


def test_datasets_and_prediction_take_the_same_files(tmp_path, caplog):
    for part in ("images", "masks"):
        fill(tmp_path / "train" / part)
    pairs = layouts.folder_pairs(tmp_path)["train"]
    taken = [pair.image.name for pair in pairs]
    assert sorted(taken) == sorted([*COUNT, "link.png"])
    with caplog.at_level(logging.WARNING):
        by_folder = collect((str(tmp_path / "train/images"),))
        by_pattern = collect((f"{tmp_path}/train/images/*",))
    for paths in (by_folder, by_pattern):
        assert {path.name for path in paths} == set(taken)
    for name in OTHERS:
        assert caplog.text.count(f"{name}, ") + caplog.text.count(f"{name} ") >= 1


def test_a_pattern_does_not_walk_into_what_systems_leave_behind(tmp_path):
    fill(tmp_path / "in")
    found = collect((f"{tmp_path}/in/**/*.png",))
    assert {path.name for path in found} == {"a.png", "link.png", "x.png"}
    spelled = collect((f"{tmp_path}/in/__MACOSX/*.png",))
    assert [path.parent.name for path in spelled] == ["__MACOSX"]


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    (tmp_path / "a.jp2").touch()
    for argument in (str(tmp_path), f"{tmp_path}/*"):
        with pytest.raises(ValueError, match=r"expected images, but a\.jp2 is left"):
            collect((argument,))


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_dataset_without_images_says_what_it_holds(tmp_path, write_pair, part):
    write_pair(tmp_path / "train", "a")
    (tmp_path / f"train/{part}/a.png").rename(tmp_path / f"train/{part}/a.jp2")
    with pytest.raises(ValueError, match=rf"{part} contains no image: a\.jp2 is left"):
        layouts.folder_pairs(tmp_path)


@pytest.mark.parametrize("noise", LEFT_BEHIND_FOLDERS)
def test_folders_left_behind_are_no_splits(tmp_path, write_pair, noise):
    write_pair(tmp_path / "train", "a")
    (tmp_path / noise / "images").mkdir(parents=True)
    assert list(layouts.folder_pairs(tmp_path)) == ["train"]


@pytest.mark.parametrize(
    ("first", "second"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)]
)
def test_both_forms_of_unicode_are_one_name(tmp_path, write_pair, first, second):
    write_pair(tmp_path, first)
    write_pair(tmp_path, "a")
    mask = tmp_path / f"masks/{first}.png"
    mask.rename(tmp_path / f"masks/{second}.png")
    (tmp_path / "train.txt").write_text(f"{second}.png\na\n", encoding="utf-8")
    found = {pair.name: pair for pair in layouts.folder_pairs(tmp_path)["train"]}
    assert set(found) == {COMPOSED, "a"}
    pair = found[COMPOSED]
    assert pair.image.stem == first and pair.mask.stem == second
    write_pair(tmp_path, second)
    with pytest.raises(ValueError, match="share one name"):
        layouts.folder_pairs(tmp_path)


def folder_of(config, part):
    return pathlib.Path(config.raw_dir) / "train" / part


BAD = {
    "broken link": (lambda path: path.symlink_to("gone.png"), "which is missing"),
    "folder": (lambda path: path.mkdir(), "is missing"),
    "pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "empty": (lambda path: path.touch(), "it is empty"),
    "text": (lambda path: path.write_text("a"), "not an image"),
    "several pages": (
        lambda path: Image.new("L", (16, 12)).save(
            path, "TIFF", save_all=True, append_images=[Image.new("L", (16, 12), 1)]
        ),
        "several pages",
    ),
    "real numbers": (
        lambda path: Image.fromarray(np.zeros((12, 16), np.float32)).save(path, "TIFF"),
        "expected the same number of channels|index mask",
    ),
}


@pytest.mark.parametrize("part", ["images", "masks"])
@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_named_with_their_split_or_left_out(folder_config, kind, part):
    make, reason = BAD[kind]
    path = folder_of(folder_config, part) / "b.png"
    path.unlink()
    make(path)
    with pytest.raises(ValueError, match=reason) as caught:
        open_source(folder_config, "train")
    text = str(caught.value)
    assert "split 'train'" in text and "\n" not in text
    assert (f"{part}/b.png" in text) or f"{part[:-1]} 'b'" in text
    skipping = dataclasses.replace(folder_config, on_bad_file="skip")
    assert sorted(open_source(skipping, "train").ids) == ["a", "c"]


def test_a_name_that_is_not_utf8_is_a_bad_file(folder_config):
    for part in ("images", "masks"):
        folder = os.fsencode(folder_of(folder_config, part))
        try:
            os.rename(folder + b"/b.png", folder + b"/b\xff.png")
        except OSError:
            pytest.skip("this file system takes UTF-8 names alone")
    with pytest.raises(ValueError, match=r"b\\udcff .*in UTF-8. Rename"):
        open_source(folder_config, "train")
    skipping = dataclasses.replace(folder_config, on_bad_file="skip")
    assert sorted(open_source(skipping, "train").ids) == ["a", "c"]


def test_a_missing_mask_names_the_file_that_is_not_read(folder_config):
    mask = folder_of(folder_config, "masks") / "b.png"
    mask.rename(mask.with_suffix(".svg"))
    with pytest.raises(ValueError, match=r"mask 'b' is missing in .*b\.svg is left"):
        open_source(folder_config, "train")


def test_what_is_left_out_is_said(folder_config, caplog):
    (folder_of(folder_config, "images") / "a.json").touch()
    with caplog.at_level(logging.WARNING):
        open_source(folder_config, "train")
    assert "train/images, a.json is left out" in caplog.text


@pytest.mark.parametrize(
    ("validation", "said"),
    [("c\n", None), ("b\nc\n", "share 1 image (b)"), ("b\na\n", "(b, a)")],
)
def test_images_of_two_splits_are_said(
    tmp_path, write_pair, folder_config, caplog, validation, said
):
    root = tmp_path / "listed"
    for name in "abc":
        write_pair(root, name)
    (root / "train.txt").write_text("a\nb\n")
    (root / "val.txt").write_text(validation)
    config = dataclasses.replace(folder_config, raw_dir=str(root))
    with caplog.at_level(logging.WARNING):
        assert len(open_source(config, "train")) == 2
    assert ("share" in caplog.text) == (said is not None)
    assert said is None or said in caplog.text


def test_gif_masks_are_read(folder_config):
    expected = {}
    for path in sorted(folder_of(folder_config, "masks").iterdir()):
        picture = Image.open(path)
        expected[path.stem] = np.asarray(picture)
        picture.save(path.with_suffix(".gif"))
        path.unlink()
    source = open_source(folder_config, "train")
    for index in range(3):
        example = source[index]
        np.testing.assert_array_equal(example["label"], expected[example["id"]])


@pytest.mark.parametrize(
    ("orientation", "stored", "hint"),
    [
        (6, (12, 16), r"without the orientation tag \(6\) of the image"),
        (1, (16, 12), "after a rotation by 90"),
        (1, (10, 10), r"expected the size 10x10 .*images/b.png\.$"),
    ],
)
def test_sizes_that_agree_after_a_turn_are_explained(
    folder_config, orientation, stored, hint
):
    """The mask has 12 x 16 pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder_of(folder_config, "images") / "b.png"
    Image.fromarray(np.zeros((*stored, 3), np.uint8)).save(path, exif=exif)
    with pytest.raises(ValueError, match=hint) as caught:
        open_source(folder_config, "train")
    assert "masks/b.png is 12x16" in str(caught.value)


def test_applied_orientations_are_said(folder_config, caplog):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder_of(folder_config, "images") / "b.png"
    pixels = (np.arange(16 * 12 * 3) % 251).astype(np.uint8).reshape(16, 12, 3)
    Image.fromarray(pixels).save(path, exif=exif)
    with caplog.at_level(logging.WARNING):
        source = open_source(folder_config, "train")
    assert "orientation tag of 1 image of split 'train' is applied (b)" in caplog.text
    example = source[source.ids.index("b")]
    np.testing.assert_array_equal(example["image"], np.rot90(pixels, -1))


def test_other_reading_prepares_the_data_anew(folder_config):
    open_source(folder_config, "train")
    other = dataclasses.replace(folder_config, pixels="rgb8")
    open_source(other, "train")
    prepared = pathlib.Path(folder_config.prepared_dir).glob(
        "array_record/folder/*/1.0.0"
    )
    assert len(list(prepared)) == 2
