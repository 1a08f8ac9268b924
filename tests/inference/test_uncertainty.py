"""Averages of networks, dropout masks and views, and maps of their uncertainty."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxseg
from jaxseg import Segmenter, create_model
from jaxseg.data import DatasetSpec
from jaxseg.inference import (
    AveragedNetwork,
    Averaging,
    ImageNetwork,
    Member,
    dropout_layers,
    with_dropout,
)
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.inference.uncertainty.averaging import Average
from jaxseg.inference.uncertainty.members import dropout_key
from jaxseg.models import MODELS
from jaxseg.ops.output_form import OutputForm

SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 18, 26, 3), np.uint8)
EVERY = ("entropy", "mutual_information", "variation_ratio")


class Linear(nn.Module):
    """Multiplies the channels by a matrix, so that NumPy can repeat it."""

    dropout: float = 0.0
    logits: int = 3

    @nn.compact
    def __call__(self, x, *, train):
        matrix = self.param("matrix", nn.initializers.normal(), (3, self.logits))
        active = train or self.has_rng("dropout")
        x = nn.Dropout(self.dropout, deterministic=not active, name="drop")(x)
        return {"logits": x @ matrix}


def matrix(seed, logits=3):
    values = np.random.default_rng(seed).normal(size=(3, logits)).astype(np.float32)
    return {"params": {"matrix": values}}


def softmax(logits):
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


def entropy(p):
    return -sum(
        np.where(p[..., k] > 0, p[..., k] * np.log(p[..., k]), 0)
        for k in range(p.shape[-1])
    )


def slow_maps(several):
    """The three maps of probabilities [T, ..., K], pixel by pixel."""
    mean = several.mean(0)
    information = entropy(mean) - np.mean([entropy(p) for p in several], axis=0)
    chosen = several.argmax(-1).reshape(len(several), -1)
    modes = [np.bincount(column).max() for column in chosen.T]
    ratio = 1 - np.reshape(modes, several.shape[1:-1]) / len(several)
    return {
        "entropy": entropy(mean),
        "mutual_information": information,
        "variation_ratio": ratio,
    }


def normalized(images=IMAGES):
    return (images.astype(np.float64) / 255 - 0.5) / 0.25


@pytest.mark.parametrize("of", ["probabilities", "logits"])
def test_networks_and_flips_equal_a_slow_average(of):
    seeds = (1, 2, 3)
    options = PredictOptions(averaging=Averaging(of=of, maps=EVERY), flip=True)
    first, *others = (matrix(seed) for seed in seeds)
    members = [Member(ImageNetwork(Linear(), SPEC), other) for other in others]
    segmenter = Segmenter(Linear(), first, SPEC, options=options, others=members)
    found = segmenter.segmented(IMAGES)
    logits = np.stack([normalized() @ matrix(s)["params"]["matrix"] for s in seeds])
    several = softmax(logits)
    mean = several.mean(0) if of == "probabilities" else softmax(logits.mean(0))
    np.testing.assert_allclose(found.probabilities, mean, atol=1e-5)
    np.testing.assert_array_equal(found.labels, mean.argmax(-1))
    expected = slow_maps(several) | {"entropy": entropy(mean)}
    assert found.maps.keys() == set(EVERY)
    for name, values in found.maps.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)
    assert found.maps["variation_ratio"].max() > 0.3
    one = segmenter.predict(IMAGES[0])
    np.testing.assert_allclose(
        one.uncertainty["entropy"], expected["entropy"][0], atol=1e-5
    )


def test_average_of_networks_is_a_pure_function_with_the_same_result():
    networks = tuple(ImageNetwork(Linear(0.4), SPEC) for _ in range(2))
    averaging = Averaging(dropout_samples=3, seed=5, maps=EVERY)
    variables = (matrix(1), matrix(2))
    average = AveragedNetwork(networks, averaging)
    found = jax.jit(average.averaged)(variables, IMAGES)
    segmenter = Segmenter(
        Linear(0.4),
        variables[0],
        SPEC,
        options=PredictOptions(averaging=averaging),
        others=[Member(networks[1], variables[1])],
    )
    expected = segmenter.segmented(IMAGES)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    for name in EVERY:
        np.testing.assert_allclose(found.maps[name], expected.maps[name], atol=1e-5)
    labels = jax.jit(average.labels)(variables, IMAGES)
    np.testing.assert_array_equal(labels, expected.labels)


def test_dropout_masks_are_drawn_as_documented_and_shared_by_a_batch():
    model, variables = Linear(0.4), matrix(1)
    averaging = Averaging(dropout_samples=4, seed=9)
    options = PredictOptions(averaging=averaging)
    segmenter = Segmenter(model, variables, SPEC, options=options)
    together = segmenter.probabilities(IMAGES)
    alone = [segmenter.probabilities(image[None])[0] for image in IMAGES]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-6)
    inputs = np.float32(normalized(IMAGES[:1]))

    @jax.jit
    def logits(key):  # For one image, the masks are those of flax.
        rngs = {"dropout": key}
        return model.apply(variables, inputs, train=False, rngs=rngs)["logits"]

    keys = [dropout_key(9, member=0, sample=sample) for sample in range(4)]
    several = [softmax(np.asarray(logits(key))) for key in keys]
    np.testing.assert_allclose(alone[0], np.mean(several, axis=0)[0], atol=1e-5)
    other = PredictOptions(averaging=Averaging(dropout_samples=4, seed=10))
    again = Segmenter(model, variables, SPEC, options=other).probabilities(IMAGES)
    assert np.abs(again - together).max() > 1e-2


def test_two_classes_with_one_logit_and_overlapping_classes():
    logits = np.random.default_rng(3).normal(0, 2, (5, 6, 7, 1)).astype(np.float32)
    both = np.concatenate([np.zeros_like(logits), logits], -1)
    rule = Average(Averaging(maps=EVERY), OutputForm("binary", 0.3))
    sums, add = rule.zeros(both.shape[1:]), jax.jit(rule.add)
    for one in both:
        sums = add(sums, one)
    found = jax.jit(rule.result)(sums, np.float32(5))
    p = 1 / (1 + np.exp(-logits[..., 0]))
    present = (p > 0.3).mean(0)
    ratio = 1 - np.maximum(present, 1 - present)
    np.testing.assert_allclose(found.maps["variation_ratio"], ratio, atol=1e-6)
    np.testing.assert_allclose(found.probabilities[..., 1], p.mean(0), atol=1e-6)

    rule = Average(Averaging(maps=EVERY), OutputForm("multilabel", 0.5))
    values = np.random.default_rng(4).normal(0, 2, (5, 6, 7, 3)).astype(np.float32)
    sums, add = rule.zeros(values.shape[1:]), jax.jit(rule.add)
    for one in values:
        sums = add(sums, one)
    found = jax.jit(rule.result)(sums, np.float32(5))
    p = 1 / (1 + np.exp(-values.astype(np.float64)))
    each = [slow_maps(np.stack([p[..., k], 1 - p[..., k]], -1)) for k in range(3)]
    for name, join in zip(EVERY, (np.sum, np.sum, np.mean), strict=True):
        expected = join([maps[name] for maps in each], axis=0)
        np.testing.assert_allclose(found.maps[name], expected, atol=2e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Averaging(dropout_samples=2), r"dropout_samples=2 .* Linear has no dropout"),
        (Averaging(maps=("variation_ratio",)), "expected only 'entropy'"),
    ],
)
def test_options_that_do_not_suit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Segmenter(Linear(), matrix(1), SPEC, options=PredictOptions(averaging=options))


def test_networks_with_other_classes_are_refused():
    other = DatasetSpec("two", ("a", "b"), SPEC.palette[:2], mean=SPEC.mean)
    member = Member(ImageNetwork(Linear(logits=2), other), matrix(1, 2))
    with pytest.raises(ValueError, match="expected the classes of the first network"):
        Segmenter(Linear(), matrix(1), SPEC, others=[member])
    with pytest.raises(ValueError, match="maps='variance' is invalid"):
        Averaging(maps=("variance",))


NETWORKS = {  # name -> (options, the number of layers that drop values)
    "bayesian_segnet_basic": ({"width": 3}, 4),
    "deeplabv3_resnet50": ({"width": 4, "blocks": (1, 1, 1, 1), "features": 8}, 1),
    "danet_resnet50": ({"width": 4, "blocks": (1, 1, 1, 1), "features": 8}, 3),
    "unet": ({"width": 4, "depth": 1}, 0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_that_drop_values(name, fill):
    options, count = NETWORKS[name]
    assert name in MODELS
    model = create_model(name, 3, **options)
    shape = (1, 32, 32, 3)
    variables = fill(model, shape)
    inputs = jax.ShapeDtypeStruct(shape, jnp.float32)
    assert len(dropout_layers(model, variables, inputs)) == count


def test_masks_reach_the_classifier(fill):
    """The dropout of the last layer is active, whose rate is all that the head has."""
    options, _ = NETWORKS["danet_resnet50"]
    model = create_model("danet_resnet50", 3, **options)
    variables = fill(model, (1, 16, 16, 3))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 16, 16, 3)), jnp.float32)
    run = jax.jit(lambda key: with_dropout(model, variables, x, key)["logits"])
    first, second = run(jax.random.key(0)), run(jax.random.key(1))
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_array_equal(first, run(jax.random.key(0)))


def test_no_layer_of_the_package_drops_values_only_in_training():
    """Layers that use flax's Dropout directly must look for the random key as well."""
    package = pathlib.Path(jaxseg.__file__).parent
    files = {p for p in package.rglob("*.py") if "nn.Dropout(" in p.read_text()}
    files -= {package / "nn" / "drop_path.py"}  # Stochastic depth is for training only.
    assert {path.name for path in files} == {"layers.py", "classifier.py"}
    for path in files:
        assert 'self.has_rng("dropout")' in path.read_text(), path
