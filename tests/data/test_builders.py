"""Tests what preparing a dataset stores, refuses and repeats."""

import dataclasses
import logging
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import from_builder, open_source, prepare
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.drawings.shapes import draw_scene


def root_of(config):
    return pathlib.Path(config.raw_dir)


def prepared(config):
    return sorted(pathlib.Path(config.prepared_dir).glob("array_record/folder/*/1.0.0"))


def test_folder_holds_the_files_pixels(folder_config):
    source = open_source(folder_config, "train")
    assert sorted(source.ids) == ["a", "b", "c"]
    for index in range(3):
        example = source[index]
        name = f"{example['id']}.png"
        for part, key in (("images", "image"), ("masks", "label")):
            file = root_of(folder_config) / "train" / part / name
            np.testing.assert_array_equal(example[key], np.asarray(Image.open(file)))
    assert source.spec.classes == ("class_0", "class_1", "class_2")
    assert len(open_source(folder_config, "validation")) == 2
    assert len(open_source(folder_config, "train[:34%]")) == 1


def test_class_names_given_and_read(folder_config):
    names = ("ground", "tree", "car", "never")
    config = dataclasses.replace(folder_config, classes=names)
    assert open_source(config, "train").spec.classes == names
    (root_of(folder_config) / "classes.txt").write_text("x\ny\nz\n")
    assert open_source(folder_config, "train").spec.classes == ("x", "y", "z")


def damage(config, *, split="train", name="b"):
    """Returns, by name, a function that damages a pair and the expected error."""
    folder = root_of(config) / split
    image, mask = folder / f"images/{name}.png", folder / f"masks/{name}.png"
    whole = mask.read_bytes()
    label = np.zeros((12, 16), np.uint8)
    return {
        "rgb": (
            lambda: Image.fromarray(np.dstack([label] * 3)).save(mask),
            "b.png: The file is an RGB mask, but an index mask is expected",
        ),
        "size": (
            lambda: Image.fromarray(label[:, :10]).save(mask),
            r"masks/b.png is 12x10: expected the size 12x16 .*images/b.png",
        ),
        "label": (
            lambda: Image.fromarray(label + 7).save(mask),
            r"masks/b.png: the mask value 7 is not the label of a class",
        ),
        "cut mask": (
            lambda: mask.write_bytes(whole[:50]),
            "masks/b.png: The file is damaged",
        ),
        "empty image": (
            lambda: image.write_bytes(b""),
            "images/b.png: The file is damaged",
        ),
        "no mask": (mask.unlink, "split 'train': mask 'b' is missing"),
        "no image": (image.unlink, "split 'train': image 'b' is missing"),
    }


KINDS = ("rgb", "size", "label", "cut mask", "empty image", "no mask", "no image")


@pytest.mark.parametrize("kind", KINDS)
def test_bad_pairs_stop_the_build_or_are_left_out(folder_config, kind, caplog):
    config = dataclasses.replace(folder_config, classes=("x", "y", "z"))
    spoil, message = damage(config)[kind]
    spoil()
    with pytest.raises(ValueError, match=message):
        open_source(config, "train")
    assert prepared(config) == []
    skipping = dataclasses.replace(config, on_bad_file="skip")
    for _ in range(2):  # said when it is prepared, and again at each opening
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert sorted(open_source(skipping, "train").ids) == ["a", "c"]
        assert (
            "leaves out 1 bad pair (image and mask) in split 'train': b" in caplog.text
        )


def test_split_of_bad_pairs_only_is_refused(folder_config):
    for file in (root_of(folder_config) / "val/images").iterdir():
        file.write_bytes(b"")
    config = dataclasses.replace(folder_config, on_bad_file="skip")
    with pytest.raises(
        ValueError, match=r"split 'validation' .* all 2 pairs of .* are invalid"
    ):
        open_source(config, "train")


def test_empty_split_names_what_exists(folder_config):
    for part in ("images", "masks"):
        shutil.rmtree(root_of(folder_config) / "val" / part)
        (root_of(folder_config) / "val" / part).mkdir()
    with pytest.raises(ValueError, match=r"'validation' .* is empty.*'train': 3"):
        open_source(folder_config, "train")


def test_unknown_split_names_what_exists(folder_config):
    with pytest.raises(
        ValueError, match=r"^split='test' is invalid: .*'validation': 2"
    ):
        open_source(folder_config, "test")
    with pytest.raises(ValueError, match=r"Did you mean 'validation'\?$"):
        open_source(folder_config, "validaton[:50%]")
    with pytest.raises(ValueError, match=r"'train\[0:0\]' .*is empty"):
        open_source(folder_config, "train[0:0]")


def test_changed_files_and_options_are_prepared_anew(folder_config, write_pair):
    open_source(folder_config, "train")
    first = prepared(folder_config)
    stamp = (first[0] / "dataset_info.json").stat().st_mtime_ns
    open_source(folder_config, "validation")
    assert prepared(folder_config) == first
    assert (first[0] / "dataset_info.json").stat().st_mtime_ns == stamp
    write_pair(root_of(folder_config) / "train", "new", classes=5)
    source = open_source(folder_config, "train")
    assert "new" in source.ids and source.spec.num_classes == 5
    open_source(dataclasses.replace(folder_config, on_bad_file="skip"), "train")
    assert len(prepared(folder_config)) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "mnist"}, "^data.name='mnist' is invalid: expected one of shapes, "),
        (
            {"name": "camvit"},
            "^data.name='camvit' is invalid: expected a known name, such as 'camvid'",
        ),
        (
            {"variant": ("x",)},
            "^data.variant='x' is invalid: expected no variant, because dataset 'folder' has",
        ),
        ({"raw_dir": None}, "data.raw_dir=None is invalid: expected the folder"),
        (
            {"on_bad_file": "ignore"},
            "data.on_bad_file=.ignore. is invalid: expected one of",
        ),
        ({"backend": "torch"}, "data.backend='torch' is invalid"),
        ({"prepared_dir": "http://host/x"}, "expected a local or mounted folder"),
        ({"name": "shapes"}, r"^data.raw_dir=.* because 'shapes' is generated"),
        (
            {"name": "camvid", "classes": ("a",)},
            "^data.classes=.* are fixed. Leave this option out",
        ),
        ({"classes": ("a", "b", "a")}, r"repeat"),
    ],
)
def test_bad_options_are_refused(folder_config, change, message):
    with pytest.raises(ValueError, match=message):
        open_source(dataclasses.replace(folder_config, **change), "train")


def test_second_of_two_builds_keeps_the_first(folder_config, tmp_path):
    config = prepare.builder_config(folder_config)
    target = tmp_path / "target"
    for scratch in ("one", "two"):
        builder = prepare.make_builder(config, tmp_path / scratch, "array_record")
        prepare.build_dataset(builder, target)
    assert (target / "dataset_info.json").is_file()
    assert (tmp_path / "two/folder").is_dir() and not list(
        (tmp_path / "one/folder").glob("*/1.0.0")
    )


@pytest.mark.slow
def test_two_processes_at_once(folder_config, tmp_path):
    code = (
        "import pathlib, sys, time\n"
        "from jaxseg.config import DataConfig\n"
        "from jaxseg.data import open_source\n"
        f"config = {folder_config!r}\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists():\n"
        "    time.sleep(0.01)\n"
        "print(sorted(open_source(config, 'train').ids))\n"
    )
    ready = [tmp_path / "ready0", tmp_path / "ready1"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for path in ready
    ]
    while not all(path.exists() for path in ready):
        assert all(run.poll() is None for run in runs), runs[0].communicate()
        time.sleep(0.02)
    (tmp_path / "go").touch()
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        assert out.strip() == "['a', 'b', 'c']"
    left = [
        p.name for p in pathlib.Path(folder_config.prepared_dir).glob("*/.building*")
    ]
    assert left == [] and len(prepared(folder_config)) == 1


def camvid_tree(root):
    """Writes one pair per split that contains every mask value."""
    label = np.arange(12, dtype=np.uint8).repeat(4).reshape(6, 8)
    for split in ("train", "val"):
        for folder, pixels in (
            (split, np.dstack([label] * 3)),
            (f"{split}annot", label),
        ):
            (root / folder).mkdir(parents=True)
            Image.fromarray(pixels).save(root / folder / "0001TP_1.png")
    return label


def test_camvid_void_becomes_255(tmp_path):
    label = camvid_tree(tmp_path / "raw")
    config = DataConfig(
        name="camvid", raw_dir=str(tmp_path / "raw"), prepared_dir=str(tmp_path / "out")
    )
    example = open_source(config, "validation")[0]
    np.testing.assert_array_equal(example["label"], np.where(label == 11, 255, label))
    assert example["id"] == "0001TP_1"
    Image.fromarray(label + 1).save(tmp_path / "raw/valannot/0001TP_1.png")
    with pytest.raises(
        ValueError, match=r"valannot/0001TP_1.png: the mask value 12 is not"
    ):
        open_source(config, "train")


def test_prepared_data_are_read_by_tfds_alone(shapes_builder):
    builder = tfds.builder_from_directory(shapes_builder.data_dir)
    assert builder.info.features["label"].names[3] == "triangle"
    data, own = (
        builder.as_data_source("validation"),
        from_builder(shapes_builder, "validation"),
    )
    assert len(data) == len(own) == 5
    np.testing.assert_array_equal(data[2]["image"], own[2]["image"])
    np.testing.assert_array_equal(data[2]["label"][..., 0], own[2]["label"])


def test_shapes_follow_from_the_seed(tmp_path, shapes_builder):
    own = from_builder(shapes_builder, "train")
    for index in range(3):
        number = int(own[index]["id"])
        image, label = draw_scene(np.random.default_rng((0, 0, number)), (24, 32))
        np.testing.assert_array_equal(own[index]["image"], image)
        np.testing.assert_array_equal(own[index]["label"], label)
    other = draw_scene(np.random.default_rng((1, 0, number)), (24, 32))[0]
    assert (other != image).mean() > 0.5
    default = drawn_config(DATASETS["shapes"])
    assert default.name == "seed0_96x128_400_100"  # prepared data keep their folder


def test_scenes_hold_every_class_thin_ones_and_void():
    counts = np.zeros(256, np.int64)
    for number in range(40):
        label = draw_scene(np.random.default_rng(number), (96, 128))[1]
        counts += np.bincount(label.ravel(), minlength=256)
        # Every border between two labels runs through void.
        across = np.stack([label[:, :-1], label[:, 1:]])
        different = across[0] != across[1]
        assert (across[:, different] == 255).any(axis=0).all()
        thin = np.isin(label, (5, 6))
        wide = np.lib.stride_tricks.sliding_window_view(thin, (8, 8))
        assert not wide.all(axis=(2, 3)).any()
    share = counts / counts.sum()
    assert (share[:7] > 0.005).all() and counts[7:255].sum() == 0
    assert 0.03 < share[255] < 0.15 and share[0] < 0.75
