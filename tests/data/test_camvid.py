"""Tests the real CamVid data, if they are available."""

import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import class_frequencies, eval_batches, open_source, train_batches
from jaxseg.data.datasets.camvid_original import split_of
from jaxseg.losses import median_frequency

HOME = pathlib.Path(__file__).resolve().parents[3] / "shared/data/camvid"
PATH = pathlib.Path(os.environ.get("JAXSEG_CAMVID", HOME))
pytestmark = pytest.mark.skipif(
    not (PATH / "trainannot").is_dir(),
    reason=f"no CamVid in {PATH}: set JAXSEG_CAMVID; real data are not tested",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return DataConfig(
        name="camvid",
        raw_dir=str(PATH),
        prepared_dir=str(tmp_path_factory.mktemp("camvid")),
        crop=(180, 240),
        cache=False,
    )


@pytest.mark.slow
def test_camvid_as_published(config):
    train, validation = (open_source(config, s) for s in ("train", "validation"))
    assert (len(train), len(validation)) == (367, 101)
    assert set(train.sizes) == set(validation.sizes) == {(360, 480)}
    example = validation[17]
    raw = np.asarray(Image.open(PATH / "valannot" / f"{example['id']}.png"))
    np.testing.assert_array_equal(example["label"], np.where(raw == 11, 255, raw))
    photo = np.asarray(Image.open(PATH / "val" / f"{example['id']}.png"))
    np.testing.assert_array_equal(example["image"], photo)


def test_original_files_have_the_same_splits(config):
    for split in ("train", "validation"):
        assert {split_of(name) for name in open_source(config, split).ids} == {split}


def test_road_is_below_the_sky(config):
    """Names, order and geometry: sky is bright and above, road below."""
    source = open_source(config, "train[:20]")
    names = source.spec.classes
    batch = next(train_batches(source, config, seed=0, batch_size=20))
    rows = np.broadcast_to(np.arange(180)[:, None], (20, 180, 240))
    sky, road = (batch["label"] == names.index(name) for name in ("sky", "road"))
    assert sky.sum() > 10_000 and road.sum() > 10_000
    assert rows[sky].mean() + 40 < rows[road].mean()
    assert batch["image"][sky].mean() > batch["image"][road].mean() + 60


def test_rare_classes_weigh_more(config):
    counts = class_frequencies(open_source(config, "train"))
    weights = dict(
        zip(
            open_source(config, "train").spec.classes,
            median_frequency(counts.pixels),
            strict=True,
        )
    )
    assert sorted(weights, key=weights.get)[:3] == ["road", "building", "sky"]
    assert weights["pavement"] == 1.0 and weights["bicyclist"] > 5
    total = 367 * 360 * 480
    assert 0.95 * total < sum(counts.pixels) < total
    assert counts.present_pixels[0] <= total


def test_evaluation_covers_the_split(config):
    source = open_source(config, "validation[:10]")
    batches = list(eval_batches(source, batch_size=4))
    assert [b["image"].shape for b in batches] == [(4, 384, 480, 3)] * 3
    indices = np.concatenate([b["index"] for b in batches])
    assert indices.tolist() == [*range(10), -1, -1]
