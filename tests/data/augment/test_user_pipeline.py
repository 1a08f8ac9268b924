"""A pipeline of Albumentations in the training stream, and a stand-in without it."""

import dataclasses

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import train_batches
from jaxseg.data.augment.user_pipeline import load_pipeline
from jaxseg.data.training_example import drawn_example
from tests.data.augment.scenes import frame, photo
from tests.data.test_pipeline import assert_same, take

OWN = """
import numpy as np

class Pipeline:
    def set_random_seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *, image, mask):
        shift = int(self.rng.integers(1, 8))
        image = np.roll(image, shift, 1)
        return {"image": image, "mask": np.roll(mask, shift, 1)}

class Wrong(Pipeline):
    def __call__(self, *, image, mask):
        return {"image": image[::2], "mask": mask[::2]}

class Filled(Pipeline):
    def __call__(self, *, image, mask):
        return {"image": image, "mask": mask * 0 + 77}

pipeline, wrong, filled, number = Pipeline(), Wrong(), Filled(), 3
"""
LIBRARY = """
import albumentations as A

pipeline = A.Compose([
    A.HorizontalFlip(p=0.5),
    A.GridDistortion(p=0.5),
    A.RandomBrightnessContrast(p=0.5),
    A.GaussNoise(p=0.5),
])
"""


def configured(folder, text, name="pipeline", **options):
    file = folder / "my_augment.py"
    file.write_text(text)
    return DataConfig(crop=(20, 28), albumentations=f"{file}:{name}", **options)


@pytest.mark.parametrize("text", [OWN, LIBRARY], ids=["own", "albumentations"])
def test_the_stream_is_reproducible(small, tmp_path, text):
    if text is LIBRARY:
        pytest.importorskip("albumentations")
    config = configured(tmp_path, text, augment=("rotate",))
    whole = take(small, 5, config=config)
    assert_same(whole[2:], take(small, 3, config=config, start_step=2))
    plain = take(small, 5, config=dataclasses.replace(config, albumentations=None))
    pairs = zip(whole, plain, strict=True)
    assert all((a["image"] != b["image"]).any() for a, b in pairs)
    _, drawn = drawn_example(small, config, 7, 0)
    assert [each.entry.name for each in drawn.applied] == ["rotate", "albumentations"]


def test_images_of_other_types_come_back_in_their_type_and_range(tmp_path):
    config = configured(tmp_path, OWN)
    entry, scene = load_pipeline(config.albumentations), photo(channels=4)
    deep = dataclasses.replace(
        scene,
        image=scene.image.astype(np.uint16) * 100,
        frame=frame(4, low=0.0, high=25_500.0),
    )
    results = [
        entry.apply(one, np.random.default_rng(0), None)[0] for one in (scene, deep)
    ]
    assert results[1].image.dtype == np.uint16
    np.testing.assert_array_equal(results[0].image * 100.0, results[1].image)
    np.testing.assert_array_equal(results[0].label, results[1].label)
    assert (results[0].label != scene.label).any()


def test_what_cannot_be_used_is_named(small, tmp_path):
    for name, message in (
        ("absent", "expected absent = albumentations"),
        ("number", "expected number = albumentations"),
        ("a.b", "expected FILE.py:NAME"),
    ):
        config = configured(tmp_path, OWN, name)
        with pytest.raises(ValueError, match=message):
            train_batches(small, config, seed=0, batch_size=1)
    with pytest.raises(ValueError, match="expected a file that exists"):
        load_pipeline(f"{tmp_path}/other.py:pipeline")
    (tmp_path / "fails.py").write_text("import no_such_package")
    with pytest.raises(ValueError, match="package no_such_package to be installed"):
        load_pipeline(f"{tmp_path}/fails.py:pipeline")
    for name, message in (
        ("wrong", r"expected an image of shape \(20, 28, 3\) .* found \(10, 28, 3\)"),
        ("filled", r"or 255 \(void\), found 77. Set fill_mask=255"),
    ):
        config = configured(tmp_path, OWN, name)
        with pytest.raises(ValueError, match=message):
            drawn_example(small, config, 0, 0)
