"""Costs by layer: hand counts, names, and the same total as the plain counter."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from jaxseg.analysis.jaxpr.cost import count_cost
from jaxseg.analysis.jaxpr.layer_cost import grouped, layer_costs
from jaxseg.backbones.resnet import ResNet
from jaxseg.nn.block_config import BlockConfig


def abstract(model, size):
    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    variables = jax.eval_shape(
        model.init, jax.eval_shape(lambda: jax.random.key(0)), image
    )
    return (lambda x, v: model.apply(v, x)["c5"]), image, variables


@pytest.mark.slow
def test_layers_of_resnet():
    parts = abstract(ResNet(50, 32, style=BlockConfig(impl="lax")), 64)
    layers = layer_costs(*parts)
    assert len(layers) == 53
    stem = layers[0]
    assert stem.name.endswith("stem/conv1/conv") and stem.shape == (1, 32, 32, 64)
    assert stem.macs == 32 * 32 * 64 * 7 * 7 * 3 and stem.flops == 2 * stem.macs
    assert stem.weights == 7 * 7 * 3 * 64
    moved = 4 * (64 * 64 * 3 + stem.weights + 32 * 32 * 64)
    assert stem.moved == moved and stem.intensity == stem.flops / moved
    assert sum(layer.macs for layer in layers) == count_cost(*parts).macs
    assert sum(layer.activations for layer in layers) == count_cost(*parts).activations
    names = [layer.name for layer in layers]
    assert len(set(names)) == 53


def test_groups_add_up():
    layers = layer_costs(*abstract(ResNet(50, 32, style=BlockConfig(impl="lax")), 64))
    groups = grouped(layers, 2)
    assert [g.name.split("/")[-1] for g in groups][:3] == [
        "stem",
        "layer1_0",
        "layer1_1",
    ]
    assert len(groups) == 17
    assert sum(g.macs for g in groups) == sum(layer.macs for layer in layers)
    assert groups[-1].shape == (1, 2, 2, 2048)


def test_a_scan_counts_its_turns_and_keeps_its_name():
    def fn(x, w):
        with jax.named_scope("outer"):
            y, _ = lax.scan(lambda c, _: (c @ w, None), x, None, length=5)
        return y

    x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    w = jax.ShapeDtypeStruct((3, 3), jnp.float32)
    (layer,) = layer_costs(fn, x, w)
    assert layer.macs == 5 * 2 * 3 * 3 and "outer" in layer.name


def test_constants_are_left_out_as_in_the_plain_counter():
    def fn(x, w):
        return jax.jit(lambda y, m: y @ m)(x @ w, jnp.eye(3))

    x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    w = jax.ShapeDtypeStruct((3, 3), jnp.float32)
    assert [layer.macs for layer in layer_costs(fn, x, w)] == [18]
    assert count_cost(fn, x, w).macs == 18
