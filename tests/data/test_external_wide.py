"""Tests builders of other authors whose images are not 8-bit RGB."""

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import eval_batches, open_source

SCENE = """
import numpy as np
import tensorflow_datasets as tfds


def scene(number, channels, kind):
    rng = np.random.default_rng(number)
    values = rng.uniform(0, 3000, (8, 10 + number, channels)).astype(kind)
    return values, (values[..., :1] > 1500).astype(np.uint8)
"""
BUILDER = """


class BandScenes(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name) for name in ("uint16", "float32", "uint8")
    ]

    def _info(self):
        kind = np.dtype(self.builder_config.name).type
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({
                "bands": tfds.features.Tensor(
                    shape=(None, None, 5), dtype=kind, encoding="zlib"
                ),
                "land": tfds.features.LabeledImage(
                    labels=["low", "high"], shape=(None, None, 1)
                ),
                "boxes": tfds.features.Tensor(shape=(None, 4), dtype=np.float32),
            })
        )

    def _split_generators(self, manager):
        return {"train": self._generate_examples(0), "test": self._generate_examples(4)}

    def _generate_examples(self, first):
        for number in range(first, first + 4):
            values, land = scene(number, 5, self.builder_config.name)
            yield number, {
                "bands": values, "land": land, "boxes": np.zeros((2, 4), np.float32)
            }
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    pytest.importorskip("tensorflow")  # tfds encodes tensors and labels with it
    path = tmp_path_factory.mktemp("wide") / "band_scenes.py"
    path.write_text(SCENE + BUILDER)
    return path


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_tensors_with_bands_are_images(module, kind):
    """The images equal those of the builder, and the statistics those of NumPy."""
    scope = {}
    exec(SCENE, scope)
    config = DataConfig(
        f"tfds:band_scenes/{kind}", module=str(module), eval_split="test",
        prepared_dir=str(module.parent / "out"),
        range=(0, 3000) if kind == "float32" else None,
    )  # fmt: skip
    test = open_source(config, "test")
    train = [scope["scene"](number, 5, kind)[0] for number in range(4)]
    expected, label = scope["scene"](4, 5, kind)
    found = {source["image"].shape: source for source in (test[k] for k in range(4))}
    example = found[expected.shape]
    np.testing.assert_array_equal(example["image"], expected)
    np.testing.assert_array_equal(example["label"], label[..., 0])
    high = {"uint16": 65535, "float32": 3000, "uint8": 255}[kind]
    values = np.concatenate([one.reshape(-1, 5) for one in train]) / high
    spec = test.spec
    assert (spec.channels, spec.image_type, spec.value_range) == (5, kind, (0, high))
    np.testing.assert_allclose(spec.mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(spec.std, values.std(0), rtol=1e-4)
    batch = next(eval_batches(test, batch_size=1, multiple=16))
    assert batch["image"].shape == (1, 16, 16, 5) and batch["image"].dtype == kind


def test_the_number_of_channels_must_be_that_of_the_feature(module):
    config = DataConfig(
        "tfds:band_scenes/uint16", module=str(module), channels=4,
        prepared_dir=str(module.parent / "out"),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"5 channels: expected data\.channels=4"):
        open_source(config, "train")
