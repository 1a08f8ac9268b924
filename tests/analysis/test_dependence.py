"""Dependence from the jaxpr: against the derivative, and against layer lists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxseg.analysis.atrous.receptive_field import (
    Layer,
    chain,
    enlarged,
    parallel,
    through,
)
from jaxseg.analysis.jaxpr.dependence import Lines, reach
from jaxseg.analysis.jaxpr.field_size import extent, field
from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.resnet import BLOCKS, ResNet, plan_units
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import adaptive_avg_pool, avg_pool, max_pool, max_pool_argmax
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space, space_to_depth
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import max_unpool

SIZE = (12, 9)
K33 = np.abs(np.random.default_rng(0).normal(size=(3, 3, 2, 2))).astype(np.float32)
K22 = K33[:2, :2]


def unpooled(x):
    small, position = max_pool_argmax(x)
    return max_unpool(small, position, x.shape[1:3])


def scanned(x):
    """A state runs down the rows: row i sees rows up to i."""
    rows = jnp.moveaxis(x, 1, 0)
    _, out = lax.scan(lambda c, r: (c + r, c + r), jnp.zeros_like(rows[0]), rows)
    return jnp.moveaxis(out, 0, 1)


EXACT = {
    "conv": lambda x: conv(x, K33, padding=1),
    "strided": lambda x: conv(x, K33, stride=2, padding=(1, 0)),
    "atrous": lambda x: conv(x, K33, rate=(3, 2), padding=(3, 2)),
    "lopsided": lambda x: conv(x, K33, padding=((2, 0), (0, 1))),
    "depthwise": lambda x: conv(x, K33[:, :, :1], padding=1, groups=2),
    "transposed": lambda x: conv_transpose(x, K33, stride=2, padding=1, impl="lax"),
    "phases": lambda x: conv_transpose(x, K22, stride=2),
    "pointwise": lambda x: conv(x, K33[:1, :1]),
    "average": lambda x: avg_pool(x, window=3, stride=2, padding=1),
    "adaptive": lambda x: adaptive_avg_pool(x, (5, 4)),
    "bilinear": lambda x: resize(x, (23, 20)),
    "aligned": lambda x: resize(x, (23, 17), align_corners=True),
    "contracted": lambda x: resize(x, (23, 20), impl="lax"),
    "shrunk": lambda x: resize(x, (5, 4), antialias=True),
    "nearest": lambda x: resize(x, (24, 27), method="nearest"),
    "shuffled": lambda x: depth_to_space(jnp.concatenate([x, x], -1), 2),
    "unshuffled": lambda x: space_to_depth(x[:, :, :8], 2),
    "turned": lambda x: jnp.swapaxes(x, 1, 2)[:, ::-1, 2:],
    "cut": lambda x: x[:, 1:-1:2, 3:],
    "stacked": lambda x: jnp.concatenate([x, jnp.zeros_like(x), 2 * x[:, :3]], 1),
    "padded": lambda x: jnp.pad(x, ((0, 0), (2, 0), (0, 3), (0, 0))),
    "written": lambda x: lax.dynamic_update_slice(x, 2 * x[:, :3], (0, 5, 0, 0)),
    "gated": lambda x: x * x.mean((1, 2), keepdims=True),
    "row mean": lambda x: x + x.mean(1, keepdims=True),
    "summed": lambda x: jnp.cumsum(x, 1),
    "flat": lambda x: (x.reshape(1, -1, 2) @ K33[0, 0]).reshape(1, *SIZE, 2),
    "branches": lambda x: conv(x, K33, rate=3, padding=3) + conv(x, K33, padding=1),
    "remat": jax.checkpoint(lambda x: conv(x, K33, padding=1)),
    "cond": lambda x: lax.cond(True, lambda y: y, lambda y: y[:, ::-1], x)[:, :6],
}


def measured(fn):
    """Which output rows change with which image rows, from the derivative; columns."""
    image = np.random.default_rng(1).uniform(0.5, 1, (1, *SIZE, 2)).astype(np.float32)
    slopes = np.asarray(jax.jit(jax.jacobian(fn))(image)) != 0
    return slopes.any((0, 2, 3, 4, 6, 7)), slopes.any((0, 1, 3, 4, 5, 7))


@pytest.mark.parametrize("name", [n for n in EXACT if n not in ("turned", "cond")])
def test_exact_for(name):
    found = reach(EXACT[name], jax.ShapeDtypeStruct((1, *SIZE, 2), jnp.float32))
    assert found.loose == ()
    rows, columns = measured(EXACT[name])
    np.testing.assert_array_equal(found.rows.mask, rows)
    np.testing.assert_array_equal(found.columns.mask, columns)


def test_what_is_swapped_and_what_may_be():
    image = jax.ShapeDtypeStruct((1, *SIZE, 2), jnp.float32)
    turned = reach(lambda x: jnp.swapaxes(x, 1, 2), image)
    assert (
        turned.rows.mask.all() and turned.columns.mask.all()
    )  # rows of the map are columns
    either = reach(EXACT["cond"], image)
    want = np.eye(12, dtype=bool)
    np.testing.assert_array_equal(either.rows.mask, (want | want[::-1])[:6])


def test_pooling_sees_all_that_may_win():
    image = jax.ShapeDtypeStruct((1, *SIZE, 2), jnp.float32)
    found = reach(lambda x: max_pool(x, window=3, stride=2, padding=1), image)
    want = reach(EXACT["average"], image)
    np.testing.assert_array_equal(found.rows.mask, want.rows.mask)
    found = reach(unpooled, image)
    blocks = np.kron(np.eye(6, dtype=bool), np.ones((2, 2), bool))
    np.testing.assert_array_equal(found.rows.mask, blocks)


def test_states_and_unknown_primitives_are_bounded_from_above():
    image = jax.ShapeDtypeStruct((1, *SIZE, 2), jnp.float32)
    assert reach(scanned, image).rows.mask.all()
    found = reach(lambda x: jnp.fft.fft2(x, axes=(1, 2)).real, image)
    assert (
        found.loose == ("fft",) and found.rows.mask.all() and found.columns.mask.all()
    )


def test_weights_and_constants_are_not_the_image():
    image = jax.ShapeDtypeStruct((1, *SIZE, 2), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 2, 2), jnp.float32)
    found = reach(lambda x, k: conv(x, k, padding=1) + k.sum(), image, kernel)
    assert found.rows.mask.sum() == 3 * 12 - 2
    with pytest.raises(ValueError, match="every output depends on"):
        reach(lambda x: jnp.ones((1, 4, 4, 1)), image)
    with pytest.raises(ValueError, match="expected a map"):
        reach(lambda x: x.sum(), image)


def abstract(model, size):
    """(apply, image, variables) with shapes for arrays."""
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    variables = jax.eval_shape(model.init, key, image)
    return lambda x, v: model.apply(v, x), image, variables


def bottlenecks(output_stride, blocks):
    layers, taps = [Layer(7, 2), Layer(3, 2)], {}
    for stage, units in enumerate(plan_units(blocks, output_stride)):
        for unit in units:
            rate = unit.first_rate if unit.pooled else unit.rate
            layers.append(Layer(3, unit.stride, rate))
        taps[f"c{stage + 2}"] = tuple(layers)
    return taps


@pytest.mark.parametrize("output_stride", [8, 32])
def test_full_resnet50_is_its_layer_list_at_every_stage(output_stride):
    model = ResNet(50, output_stride, style=BlockConfig(impl="lax"))
    found = reach(*abstract(model, (640, 96)))
    for name, layers in bottlenecks(output_stride, BLOCKS[50]).items():
        assert field(found[name].rows) == chain(layers), name
    last = extent(found["c5"].rows)
    assert (last.size, last.jump, last.clipped) == (427, output_stride, False)
    assert extent(found["c5"].columns).clipped


def test_deeplab_vgg_is_its_layer_list():
    layers = []
    for count in (2, 2, 3):
        layers += [Layer(3)] * count + [Layer(3, 2, padding=1)]
    layers += [Layer(3)] * 4 + [Layer(3, rate=2)] * 3 + [Layer(3), Layer(3)]
    model = DeepLabVGG(style=BlockConfig(impl="lax"))
    found = reach(*abstract(model, (400, 64)))["c5"]
    assert field(found.rows) == chain(layers)
    assert extent(found.rows).size == 243


def test_upsampling_and_branches_are_theirs():
    def network(x):
        x = conv(x, K33, stride=2, padding=1)
        y = conv_transpose(
            x, K33[:, :, :, ::-1], stride=2, padding=1, output_padding=1, impl="lax"
        )
        z = resize(conv(x, K33, rate=4, padding=4), y.shape[1:3])
        return y + z

    found = reach(network, jax.ShapeDtypeStruct((1, 64, 64, 2), jnp.float32))
    below = chain([Layer(3, 2)])
    up = through(below, Layer(3, 2, padding=1, transposed=True))
    resized = enlarged(through(below, Layer(3, rate=4)), 2)
    assert field(found.rows) == parallel(up, resized)
    assert extent(found.rows).touched < extent(found.rows).size  # rate 4 leaves holes


def test_field_needs_room():
    lines = reach(EXACT["conv"], jax.ShapeDtypeStruct((1, 3, 3, 2), jnp.float32)).rows
    with pytest.raises(ValueError, match="larger image"):
        field(lines)
    with pytest.raises(ValueError, match="at least one of the 2 outputs"):
        extent(Lines(np.zeros((2, 1), bool), np.zeros(2, bool)))
