"""Pixels become logits and labels by one path, at any scale of the input."""

import jax
import numpy as np
import pytest
from flax import linen as nn

import jaxseg
from jaxseg.inference.export.stablehlo import export_predictor, import_network
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.ops.resize import resize

SPEC = jaxseg.DatasetSpec(
    "three", ("a", "b", "c"), ((0, 0, 0),) * 3, mean=(0.5, 0.4, 0.3), std=(0.2,) * 3
)


class Linear(nn.Module):
    """Returns the channels as logits after one linear map."""

    @nn.compact
    def __call__(self, x, *, train=False):
        return {"logits": nn.Dense(3, name="head")(x)}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, 10, 14, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def variables(fill):
    return fill(Linear(), (1, 2, 2, 3))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_images_are_resized_with_a_wide_filter_and_logits_back(
    scale, pixels, variables
):
    image = (pixels / np.float32(255) - np.float32(SPEC.mean)) / np.float32(SPEC.std)
    resized = jax.jit(resize, static_argnums=1, static_argnames="antialias")
    if scale != 1:
        plain, image = (
            np.asarray(resized(image, (5, 7), antialias=wide)) for wide in (False, True)
        )
        assert np.abs(plain - image).max() > 0.1
    head = variables["params"]["head"]
    expected = np.asarray(resized(image @ head["kernel"] + head["bias"], (10, 14)))
    network = ImageNetwork(Linear(), SPEC, scale=scale)
    found = np.asarray(jax.jit(network.logits)(variables, pixels))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    labels, soft = jax.jit(network.labels_and_probabilities)(variables, pixels)
    np.testing.assert_array_equal(labels, found.argmax(-1))
    np.testing.assert_allclose(soft, jax.nn.softmax(expected), atol=1e-5)


def test_probabilities_are_those_of_the_labels(pixels, variables):
    segmenter = jaxseg.Segmenter(Linear(), variables, SPEC, scale=0.5)
    labels, nothing = segmenter.segment(pixels)
    again, soft = segmenter.segment(pixels, soft=True)
    assert nothing is None
    np.testing.assert_array_equal(labels, again)
    np.testing.assert_array_equal(labels, soft.argmax(-1))


def test_an_exported_predictor_takes_pixels_and_returns_labels(pixels, variables):
    pytest.importorskip("flatbuffers")  # the extra that jax.export writes files with
    network = ImageNetwork(Linear(), SPEC, scale=0.5)
    blob = export_predictor(network, variables, (10, 14), platforms=("cpu",))
    found = import_network(blob)(pixels)
    np.testing.assert_array_equal(found, jax.jit(network.labels)(variables, pixels))
