"""One logit with a sigmoid gives what two logits with a softmax give."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.ops.output_form import OutputForm, form_of
from jaxseg.runs.outputs import num_logits, with_threshold
from jaxseg.tasks.segmentation import make_eval_step

SPEC = DatasetSpec("two", ("ground", "disc"), ((0, 0, 0), (255, 0, 0)))
THREE = DatasetSpec("three", ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))


class OneLogit(nn.Module):
    """A convolution with one logit z, or with the logits (0, z)."""

    two: bool = False

    @nn.compact
    def __call__(self, x, *, train=False):
        z = nn.Conv(1, (3, 3), name="head")(x)
        logits = jnp.concatenate([0 * z, z], -1) if self.two else z
        return {"logits": logits}


@pytest.fixture(scope="module")
def drawn(fill):
    """Images, labels with void pixels, and weights of `OneLogit`."""
    random = np.random.default_rng(2)
    image = random.integers(0, 256, (2, 24, 40, 3)).astype(np.uint8)
    label = random.integers(0, 2, (2, 24, 40)).astype(np.uint8)
    label[0, :5] = 255
    variables = fill(OneLogit(), (1, 8, 8, 3), seed=1)
    return image, label, variables


def test_scores_are_those_of_two_classes(drawn):
    image, label, variables = drawn
    batch = {"image": image, "label": label}
    one, two = (
        make_eval_step(Config(), OneLogit(two=two), SPEC)(variables, batch)
        for two in (False, True)
    )
    np.testing.assert_array_equal(one, two)
    assert one[:2].sum() == (label < 2).sum() and one.min() > 0


@pytest.mark.parametrize(
    "options",
    [
        PredictOptions(multiple=8),
        PredictOptions(mode="slide", window=(16, 16)),
        PredictOptions(flip=True, multiple=8),
    ],
    ids=["whole", "slide", "flip"],
)
def test_predictions_are_those_of_two_classes(drawn, options):
    image, _, variables = drawn
    one, two = (
        Segmenter(OneLogit(two=two), variables, SPEC, options=options)
        for two in (False, True)
    )
    for soft in (False, True):
        mine, theirs = one.segment(image, soft=soft), two.segment(image, soft=soft)
        np.testing.assert_array_equal(mine[0], theirs[0])
        if soft:
            np.testing.assert_allclose(mine[1], theirs[1], atol=1e-6)
    assert mine[1].shape == (2, 24, 40, 2)
    # The threshold moves labels but not probabilities, on every path alike.
    strict = dataclasses.replace(SPEC, threshold=0.8)
    high = Segmenter(OneLogit(), variables, strict, options=options)
    labels, probabilities = high.segment(image, soft=True)
    np.testing.assert_allclose(probabilities, mine[1], atol=1e-6)
    wanted = probabilities[..., 1] > 0.8
    assert 0 < wanted.sum() < mine[0].sum()
    np.testing.assert_array_equal(labels, wanted)
    np.testing.assert_array_equal(high.segment(image)[0], wanted)


def test_overlapping_classes_have_a_threshold_each():
    logits = jnp.array([[2.0, -1.0, 0.5]])
    form = OutputForm("multilabel", 0.7)
    probability = 1 / (1 + np.exp(-np.asarray(logits)))
    np.testing.assert_allclose(form.probabilities(logits), probability, rtol=1e-6)
    assert form.labels(logits).tolist() == [[True, False, False]]
    assert form.labels_of(probability).tolist() == [[True, False, False]]


def test_the_number_of_logits_follows_from_the_classes():
    sigmoid = Config(model=ModelConfig(output="sigmoid"), data=DataConfig())
    overlap = dataclasses.replace(THREE, multilabel=True)
    assert num_logits(Config(), SPEC) == 2 and num_logits(Config(), THREE) == 3
    assert num_logits(sigmoid, SPEC) == 1 and num_logits(sigmoid, overlap) == 3
    assert form_of(1, SPEC).kind == "binary" and form_of(2, SPEC).kind == "softmax"
    assert form_of(3, overlap).kind == "multilabel"
    with pytest.raises(ValueError, match="'softmax' is invalid: expected 'sigmoid'"):
        num_logits(Config(), overlap)
    with pytest.raises(ValueError, match="the 3 classes of dataset 'three' exclude"):
        num_logits(sigmoid, THREE)
    with pytest.raises(ValueError, match="num_classes=1 of the network is invalid"):
        form_of(1, THREE)
    with pytest.raises(ValueError, match=r"threshold=0.7 is invalid: expected none"):
        with_threshold(Config(), SPEC, 0.7)
    with pytest.raises(ValueError, match=r"threshold=1.0 is invalid: expected a numb"):
        with_threshold(sigmoid, SPEC, 1.0)
