"""Attention weights of one pixel, against sums over all pixels in NumPy."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.data import DatasetSpec
from jaxseg.inference import ImageNetwork
from jaxseg.inference.attention import (
    attention_layers,
    attention_maps,
    check_attention,
)
from jaxseg.nn.attention import NonLocal, PositionAttention
from jaxseg.nn.object_context import ObjectContext

SPEC = DatasetSpec("two", ("a", "b"), ((0, 0, 0), (200, 0, 0)))
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 12, 20, 3), np.uint8)
POINT, CELL = (7, 13), (3, 6)  # The feature map has half the size of the image.


class Around(nn.Module):
    """Halves the image, multiplies its channels and applies one block to them."""

    block: nn.Module
    with_coarse: bool = False

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Conv(8, (2, 2), (2, 2), name="stem")(x)
        given = (x, x[..., :2]) if self.with_coarse else (x,)
        return {"logits": self.block(*given, train=train)}


def applied(block, fill, with_coarse=False):
    """The maps at the pixel, and the outputs of all layers of the block."""
    model = Around(block, with_coarse)
    network = ImageNetwork(model, SPEC)
    inputs = network.prepare(IMAGE)
    variables = fill(model, inputs.shape)
    find = jax.jit(lambda v, pixels: attention_maps(network, v, pixels, POINT))
    (found,) = find(variables, IMAGE).values()

    @jax.jit
    def run(variables, x):
        options = {"capture_intermediates": True, "mutable": ["intermediates"]}
        out, state = model.apply(variables, x, train=False, **options)
        return out, state, model.apply(variables, x, train=False)

    out, state, plain = run(variables, inputs)
    layers = {"stem": state["intermediates"]["stem"]["__call__"][0][0]}
    for name, value in state["intermediates"]["block"].items():
        if name not in ("__call__", "attention"):
            layers[name] = value["__call__"][0][0]
    np.testing.assert_array_equal(plain["logits"], out["logits"])
    layers = {name: np.asarray(value) for name, value in layers.items()}
    return found, layers, variables["params"]["block"], np.asarray(out["logits"][0])


def softmax(scores):
    power = np.exp(scores - scores.max())
    return power / power.sum()


def weighted(weights, values):
    """The sum of the values [h, w, C] with the weights [h, w]."""
    total = np.zeros(values.shape[-1])
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            total += weights[y, x] * values[y, x]
    return total


def test_the_weights_of_position_attention_give_its_output(fill):
    found, layers, params, out = applied(PositionAttention(2), fill)
    assert found.weights.shape == (6, 10) and found.regions is None
    scores = [layers["key"][y, x] @ layers["query"][CELL] for y, x in np.ndindex(6, 10)]
    np.testing.assert_allclose(found.weights.ravel(), softmax(np.array(scores)), 1e-4)
    context = weighted(found.weights, layers["value"])
    expected = params["gamma"] * context + layers["stem"][CELL]
    np.testing.assert_allclose(out[CELL], expected, rtol=1e-4, atol=1e-5)


MODES = [
    ("embedded_gaussian", {"use_scale": True}),
    ("gaussian", {"subsample": True}),
    ("dot_product", {}),
    ("concatenation", {"subsample": True}),
]


@pytest.mark.parametrize(("mode", "more"), MODES, ids=[m for m, _ in MODES])
def test_the_weights_of_a_non_local_block_give_its_output(fill, mode, more):
    # The keys of "gaussian" have all channels of the input.
    block = NonLocal(mode, reduction=2, norm_out=False, **more)
    found, layers, params, out = applied(block, fill)
    assert found.weights.shape == ((3, 5) if "subsample" in more else (6, 10))
    y = weighted(found.weights, layers["g"])
    last = params["out"]["conv"] if "conv" in params["out"] else params["out"]
    expected = layers["stem"][CELL] + y @ last["kernel"][0, 0] + last["bias"]
    np.testing.assert_allclose(out[CELL], expected, rtol=1e-3, atol=1e-4)


def test_the_regions_of_object_context(fill):
    found, layers, _, _ = applied(ObjectContext(4), fill, with_coarse=True)
    query, keys = layers["pixel_2"][CELL], layers["object_2"][:, 0]
    attention = softmax(keys @ query / 2)
    np.testing.assert_allclose(found.regions, attention, rtol=1e-4)
    coarse = layers["stem"][..., :2]
    regions = np.stack([softmax(coarse[..., k]) for k in range(2)], -1)
    np.testing.assert_allclose(found.weights, regions @ attention, rtol=1e-3)
    assert found.weights.sum() == pytest.approx(1, abs=1e-4)


TINY = {"width": 4, "blocks": (1, 1, 1, 1)}
NETWORKS = {
    "danet_resnet50": ["head/position_attention"],
    "nonlocal_resnet50": ["head/non_local"],
    "ocrnet_resnet101": ["head/context"],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_of_networks(name, fill):
    model = create_model(name, 2, features=16, **TINY)
    network = ImageNetwork(model, SPEC)
    variables = fill(model, (1, 32, 32, 3))
    assert set(variables) <= {"params", "batch_stats"}
    assert attention_layers(network, variables, (32, 32)) == NETWORKS[name]


def test_a_network_without_attention_is_refused(fill):
    model = create_model("unet", 2, width=2, depth=1)
    variables = fill(model, (1, 16, 16, 3))
    with pytest.raises(ValueError, match="attention is invalid for the network UNet"):
        check_attention(ImageNetwork(model, SPEC), variables, (16, 16))
