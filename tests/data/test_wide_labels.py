"""Tests labels of more than 255 classes: 16-bit masks with 65535 for void."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import class_frequencies, eval_batches, open_source
from jaxseg.data.classes import folder_spec
from jaxseg.data.labels import parse_labels
from jaxseg.metrics import ConfusionTotal, confusion
from jaxseg.viz import colorize, indexed_png

CLASSES = 300


@pytest.fixture(params=["counted", "named"])
def config(tmp_path, request):
    """Returns a folder of masks with the values 0 to 299 and 65535."""
    for part in ("images", "masks"):
        (tmp_path / "raw/train" / part).mkdir(parents=True)
    for k in range(2):
        mask = (np.arange(400).reshape(20, 20) % CLASSES).astype(np.uint16)
        mask[0, : 5 + k] = 65535
        Image.fromarray(mask).save(tmp_path / f"raw/train/masks/{k}.png")
        image = np.full((20, 20, 3), k, np.uint8)
        Image.fromarray(image).save(tmp_path / f"raw/train/images/{k}.png")
    if request.param == "named":
        names = "\n".join(f"n{k}" for k in range(CLASSES))
        (tmp_path / "raw/classes.txt").write_text(names)
    return DataConfig(
        "folder", raw_dir=str(tmp_path / "raw"), prepared_dir=str(tmp_path / "out")
    )


def test_masks_of_16_bits_keep_their_classes_and_their_void(config):
    source = open_source(config, "train")
    spec = source.spec
    assert (spec.num_classes, spec.void, spec.label_dtype) == (CLASSES, 65535, "uint16")
    label = source[0]["label"]
    stored = np.asarray(Image.open(f"{config.raw_dir}/train/masks/0.png"))
    assert label.dtype == np.uint16 and (label == stored).all() and 255 in label
    (batch,) = eval_batches(source, batch_size=2, multiple=32)
    assert (batch["label"][:, 20:] == 65535).all()
    pixels = class_frequencies(source).pixels
    assert sum(pixels) == 800 - 5 - 6 and pixels[255] == 2
    matrix = confusion(label.astype(np.int32) % CLASSES, label, CLASSES, spec.void)
    total = ConfusionTotal(CLASSES)
    total.add(np.asarray(matrix))
    assert total.matrix[-1].sum() == 5 and np.trace(total.matrix[:-1]) == 395


def test_pictures_of_many_classes_are_16_bit(tmp_path):
    spec = folder_spec(tuple(f"c{k}" for k in range(CLASSES)))
    label = np.array([[0, 255, 299, 65535]], np.uint16)
    indexed_png(label, spec.palette, void=spec.void).save(tmp_path / "a.png")
    assert (np.asarray(Image.open(tmp_path / "a.png")) == label).all()
    colors = colorize(label, spec.palette, void=spec.void)
    assert tuple(colors[0, 2]) == spec.palette[299]


def test_a_label_map_can_have_more_than_255_classes():
    pairs = " ".join(f"{10 * k}:{k}" for k in range(CLASSES)) + " 5:void"
    found = parse_labels(pairs)
    mask = np.array([[5, 0, 2550, 2990]], np.int64)
    assert found.apply(mask).tolist() == [[65535, 0, 255, 299]]
    assert type(found).of_record(found.record) == found
    few = parse_labels("5:void 0:0 7:1")
    assert few.apply(np.array([[5, 0, 7]])).tolist() == [[255, 0, 1]]
    assert few.apply(np.array([[5]]), void=65535).tolist() == [[65535]]


def test_more_than_4095_classes_are_refused_with_their_memory():
    """4096 float32 logits of 1024 x 1024 pixels take 16 GiB."""
    with pytest.raises(
        ValueError, match=r"4,096 classes: expected at most 4,095.*16\.0 GiB"
    ):
        folder_spec(tuple(f"c{k}" for k in range(4096)))
