"""Tests that tf.data yields the batches of the Grain pipeline."""

import dataclasses
import importlib.util
import itertools
import sys

import numpy as np
import pytest
from PIL import Image

from jaxseg.data import eval_batches, open_source, tf_backend, train_batches

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason="TensorFlow, the extra [tf], is not installed: tf.data is not compared",
)


def test_missing_tensorflow_names_the_extra(folder_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    config = dataclasses.replace(folder_config, backend="tf")
    with pytest.raises(ValueError, match=r"Install jaxseg\[tf\], or use .*'grain'"):
        open_source(config, "train")
    with pytest.raises(ValueError, match=r"jaxseg\[tf\]"):
        tf_backend.load_tensorflow()


@pytest.fixture
def both(folder_config, write_pair):
    """Opens images of several sizes and a JPEG with both backends."""
    from pathlib import Path

    root = Path(folder_config.raw_dir)
    write_pair(root / "train", "wide", size=(40, 70))
    write_pair(root / "train", "tall", size=(90, 33))
    smooth = Image.fromarray(
        np.arange(80 * 80, dtype=np.uint16).astype(np.uint8).reshape(80, 80)
    )
    (root / "train/images/photo.jpg").parent.mkdir(exist_ok=True)
    smooth.convert("RGB").save(root / "train/images/photo.jpg", quality=90)
    Image.fromarray(np.ones((80, 80), np.uint8)).save(root / "train/masks/photo.png")
    config = dataclasses.replace(folder_config, crop=(36, 40))
    other = dataclasses.replace(config, backend="tf")
    return [(open_source(c, "train"), c) for c in (config, other)]


@needs_tensorflow
def test_same_examples_in_the_same_order(both):
    (grain, _), (tf, _) = both
    assert grain.ids == tf.ids and grain.sizes == tf.sizes and grain.spec == tf.spec
    np.testing.assert_array_equal(grain[0]["image"], tf[0]["image"])


@needs_tensorflow
@pytest.mark.parametrize("share", [{}, {"process_index": 1, "process_count": 2}])
def test_same_training_batches(both, share):
    streams = [
        train_batches(source, config, seed=5, batch_size=4, start_step=3, **share)
        for source, config in both
    ]
    for ours, theirs in itertools.islice(zip(*streams, strict=False), 12):
        assert ours.keys() == theirs.keys()
        for key in ("label", "seed", "index"):
            np.testing.assert_array_equal(ours[key], theirs[key])
            assert ours[key].dtype == theirs[key].dtype
        difference = np.abs(ours["image"].astype(int) - theirs["image"])
        assert difference.max() <= 2 and difference.mean() < 0.3  # rounding


@needs_tensorflow
@pytest.mark.parametrize("share", [{}, {"process_index": 1, "process_count": 2}])
def test_same_evaluation_batches(both, share):
    streams = [eval_batches(source, batch_size=4, **share) for source, _ in both]
    for ours, theirs in zip(*streams, strict=True):
        for key in ("label", "index"):
            np.testing.assert_array_equal(ours[key], theirs[key])
        difference = np.abs(ours["image"].astype(int) - theirs["image"])
        assert difference.max() <= 1  # the JPEG's inverse transform
