"""Preparation on the device: flips, jitter, normalization, and whose randomness."""

import jax
import numpy as np
import pytest

from jaxseg.training.step.augment import gray, jitter, prepare_train

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    return {
        "image": random.integers(0, 256, (16, 4, 6, 3)).astype(np.uint8),
        "label": random.integers(0, 256, (16, 4, 6)).astype(np.uint8),
        "seed": random.integers(0, 2**32, 16, dtype=np.uint32),
        "index": np.arange(16, dtype=np.int32),
    }


def normal(image):
    return ((image / 255 - np.array(MEAN)) / np.array(STD)).astype(np.float32)


def train(batch, **options):
    def prepare(batch):
        return prepare_train(batch, mean=MEAN, std=STD, **options)

    return jax.tree.map(np.asarray, jax.jit(prepare)(batch))


def test_flip_mirrors_image_and_label_together(batch):
    out = train(batch)
    mirrored = []
    for i in range(16):
        image, label = normal(batch["image"][i]), batch["label"][i]
        flipped = (out["label"][i] == label[:, ::-1]).all()
        mirrored.append(flipped)
        image, label = (x[:, ::-1] if flipped else x for x in (image, label))
        np.testing.assert_allclose(out["image"][i], image, atol=1e-5)
        np.testing.assert_array_equal(out["label"][i], label)
    assert 2 < sum(mirrored) < 14


def test_no_flip(batch):
    out = train(batch, flip=False)
    np.testing.assert_array_equal(out["label"], batch["label"])


def test_an_example_depends_on_its_seed_alone(batch):
    whole = train(batch, color_jitter=0.5)
    order = np.array([5, 2, 11])
    part = train({k: v[order] for k, v in batch.items()}, color_jitter=0.5)
    np.testing.assert_array_equal(part["label"], whole["label"][order])
    np.testing.assert_allclose(part["image"], whole["image"][order], atol=1e-6)
    again = train(batch | {"seed": batch["seed"] + 1}, color_jitter=0.5)
    assert np.abs(again["image"] - whole["image"]).mean((1, 2, 3)).min() > 0


def test_jitter_equals_its_description():
    image = np.random.default_rng(1).random((5, 7, 3)).astype(np.float32)
    key = jax.random.key(3)

    @jax.jit
    def run(image, key):
        factors = jax.random.uniform(key, (3,), minval=0.6, maxval=1.4)
        return factors, jitter(image, key, 0.4)

    (b, c, s), found = jax.device_get(run(image, key))

    def luma(x):
        return x @ np.array([0.299, 0.587, 0.114])

    expected = np.clip(b * image, 0, 1)
    expected = np.clip(c * expected + (1 - c) * luma(expected).mean(), 0, 1)
    own = luma(expected)[..., None]
    expected = np.clip(s * expected + (1 - s) * own, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len({float(b), float(c), float(s)}) == 3


def test_gray_images():
    image = np.full((2, 2, 1), 0.5, np.float32)
    run = lambda image: (gray(image), jitter(image, jax.random.key(0), 0.3))
    same, out = jax.device_get(jax.jit(run)(image))
    np.testing.assert_array_equal(same, image)
    assert out.shape == (2, 2, 1) and 0.35 <= out.min() <= out.max() <= 0.65


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color_jitter": 1.5}, "color_jitter=1.5 is invalid"),
        ({"mean": (0.5,)}, "expected 3 numbers each"),
        ({"std": (1, 0, 1)}, "std > 0"),
    ],
)
def test_wrong_options_are_named(batch, options, message):
    with pytest.raises(ValueError, match=message):
        run = lambda batch: prepare_train(
            batch, **({"mean": MEAN, "std": STD} | options)
        )
        jax.eval_shape(run, batch)
