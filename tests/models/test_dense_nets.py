"""FC-DenseNet, RefineNet and ReSeg: widths, sizes and what their blocks promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.heads.refinenet import ChainedPooling, RefineBlock, ResidualUnits
from jaxseg.models.fc_densenet import (
    LAYERS_56,
    LAYERS_67,
    LAYERS_103,
    fc_densenet56,
)
from jaxseg.models.refinenet import refinenet_resnet50
from jaxseg.models.reseg import reseg


def layer_shapes(model, size):
    image = jax.ShapeDtypeStruct((1, *size, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    run = lambda k, x: model.init_with_output(
        k, x, capture_intermediates=True, mutable=True
    )
    outputs, collections = jax.eval_shape(run, key, image)
    return outputs, collections["intermediates"]


@pytest.mark.parametrize(
    ("layers", "growth", "skips", "stacks"),
    [
        (LAYERS_56, 12, (96, 144, 192, 240, 288), (384, 336, 288, 240, 192)),
        pytest.param(
            *(LAYERS_67, 16, (128, 208, 288, 368, 448), (608, 528, 448, 368, 288)),
            marks=pytest.mark.sweep,  # the rule of the two others
        ),
        (LAYERS_103, 16, (112, 192, 304, 464, 656), (1088, 816, 576, 384, 256)),
    ],
)
def test_published_widths(layers, growth, skips, stacks):
    """Table 2 of the paper (its misprints corrected: 1088, 816, 576, 384, 256)."""
    model = fc_densenet56(11, layers=layers, growth=growth)
    _, inner = layer_shapes(model, (360, 480))
    down = [inner[f"down{i}"]["__call__"][0][0].shape[-1] for i in range(1, 6)]
    up = [inner[f"up{i}"]["__call__"][0][0].shape[-1] for i in range(1, 6)]
    assert (tuple(down), tuple(up)) == (skips, stacks)


def test_transitions_keep_the_sizes_of_camvid_frames():
    outputs, inner = layer_shapes(fc_densenet56(11), (360, 480))
    sizes = [inner[f"transition{i}"]["__call__"][0].shape[1:3] for i in range(1, 6)]
    assert sizes == [(180, 240), (90, 120), (45, 60), (22, 30), (11, 15)]
    ups = [inner[f"transition_up{i}"] for i in range(1, 6)]
    raw = [up["up"]["__call__"][0].shape[1:3] for up in ups]
    assert raw == [(23, 31), (45, 61), (91, 121), (181, 241), (361, 481)]
    cut = [up["__call__"][0].shape[1:3] for up in ups]
    assert cut == [(22, 30), *reversed(sizes[:3]), (360, 480)]
    assert outputs["logits"].shape == (1, 360, 480, 11)


def test_blocks_and_sizes_are_checked():
    with pytest.raises(ValueError, match="odd number of blocks"):
        layer_shapes(fc_densenet56(2, layers=(1, 1)), (32, 32))
    with pytest.raises(ValueError, match="at least 32"):
        layer_shapes(fc_densenet56(2), (31, 64))


def drawn(block, *inputs, scale=0.1):
    shapes = jax.eval_shape(lambda *x: block.init(jax.random.key(0), *x), *inputs)
    random = np.random.default_rng(0)
    draw = lambda leaf: random.normal(0, scale, leaf.shape).astype(np.float32)
    return jax.tree.map(draw, shapes)


def test_residual_units_and_pooling_start_as_identities():
    x = np.random.default_rng(0).normal(size=(1, 6, 7, 3)).astype(np.float32)
    units, pooling = ResidualUnits(3), ChainedPooling(4)
    zero = drawn(units, x, scale=0)
    np.testing.assert_array_equal(jax.jit(units.apply)(zero, x), x)
    zero = drawn(pooling, x, scale=0)
    np.testing.assert_array_equal(jax.jit(pooling.apply)(zero, x), np.maximum(x, 0))


def test_chained_pooling_reaches_two_pixels_per_stage():
    """With identity convolutions each stage widens a bright pixel by 5x5 pooling."""
    pooling = ChainedPooling(3)
    x = np.zeros((1, 17, 17, 1), np.float32)
    x[0, 8, 8] = 1
    variables = drawn(pooling, x, scale=0)
    for i in (1, 2, 3):
        variables["params"][f"conv{i}"]["kernel"][1, 1, 0, 0] = 1
    y = np.asarray(jax.jit(pooling.apply)(variables, x))[0, :, :, 0]
    distance = np.maximum(*np.abs(np.indices((17, 17)) - 8))
    want = sum((distance <= 2 * i).astype(int) for i in range(4))
    np.testing.assert_array_equal(y, want)


def test_fusion_sums_both_resolutions():
    """A constant coarse map adds its constant before the pooling."""
    block = RefineBlock(2, stages=1)
    x = np.zeros((1, 8, 9, 3), np.float32)
    coarse = np.full((1, 4, 5, 2), 2.5, np.float32)
    variables = drawn(block, x, coarse, scale=0)
    apply = jax.jit(block.apply)
    np.testing.assert_allclose(apply(variables, x, coarse), 2.5, rtol=1e-6)
    np.testing.assert_allclose(apply(variables, x, -coarse), 0, atol=1e-6)


def test_refinenet_scores_at_a_quarter():
    model = refinenet_resnet50(5, width=4, blocks=(1, 1, 1, 1))
    outputs, inner = layer_shapes(model, (65, 97))
    assert inner["head"]["__call__"][0].shape == (1, 17, 25, 5)
    assert inner["head"]["refine5"]["__call__"][0].shape == (1, 3, 4, 32)
    assert inner["head"]["refine2"]["__call__"][0].shape == (1, 17, 25, 16)
    assert outputs["logits"].shape == (1, 65, 97, 5)


@pytest.mark.parametrize(
    ("reading", "classes", "parameters"),
    [
        ("independent", 11, 806_661),
        ("independent", 12, 806_712),
        ("stacked", 11, 669_861),
        ("stacked", 12, 669_912),
    ],
)
def test_both_readings_of_reseg_have_their_counts(reading, classes, parameters):
    model = reseg(classes, reading=reading)
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    params = jax.eval_shape(lambda k, x: model.init(k, x), key, image)["params"]
    count = {
        k: sum(leaf.size for leaf in jax.tree.leaves(v)) for k, v in params.items()
    }
    assert count.pop("backbone") == 1_735_488
    assert sum(count.values()) == parameters


def test_reseg_freezes_its_backbone_alone(fill):
    model = reseg(2, units=3, up_features=3, width=2)
    x = np.random.default_rng(0).normal(size=(1, 9, 14, 3)).astype(np.float32)
    variables = fill(model, x.shape)
    weights = np.random.default_rng(1).normal(size=(1, 9, 14, 2)).astype(np.float32)
    loss = lambda p: jnp.sum(model.apply({"params": p}, x)["logits"] * weights)
    grads = jax.jit(jax.grad(loss))(variables["params"])
    largest = jax.tree.map(lambda g: float(np.abs(g).max()), grads)
    assert max(jax.tree.leaves(largest.pop("backbone"))) == 0
    assert min(jax.tree.leaves(largest)) > 0
