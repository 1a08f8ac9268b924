"""BiSeNet: attention refinement, fusion, strides, trunks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.backbones.xception39 import Xception39, XceptionBlock
from jaxseg.nn.bilateral import AttentionRefinement, FeatureFusion, SpatialPath
from jaxseg.nn.block_config import BlockConfig


def draw(shape, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def start(module, *inputs):
    """The initial variables of a module."""
    return module.init(jax.random.key(0), *inputs, train=False)


def run(module, variables, *inputs, **options):
    """The output of a module, and the intermediate ones, computed by one program."""
    apply = functools.partial(module.apply, train=False, **options)
    return jax.device_get(jax.jit(apply)(variables, *inputs))


def without_attention(variables):
    """Kernels of the gates at zero; the gates are then sigmoid(0)."""
    return jax.tree_util.tree_map_with_path(
        lambda path, x: np.zeros_like(x) if "attention" in str(path) else x, variables
    )


def test_refinement_with_a_silent_gate_halves():
    x = draw((1, 4, 5, 6))
    module = AttentionRefinement(3, BlockConfig(norm="none"))
    variables = start(module, x)
    _, state = run(module, without_attention(variables), x, capture_intermediates=True)
    seen = state["intermediates"]
    f = seen["conv"]["__call__"][0]
    np.testing.assert_allclose(seen["__call__"][0], f / 2, rtol=1e-6)
    full = run(module, variables, x)
    ratio = np.where(f > 0.05, full / np.where(f > 0, f, 1), np.nan)
    spread = np.nanmax(ratio, (1, 2)) - np.nanmin(ratio, (1, 2))
    assert spread.max() < 1e-5 and np.nanstd(ratio) > 1e-3


@pytest.mark.parametrize("form", ["author", "coin", "mmseg"])
def test_fusion_with_a_silent_gate_adds_a_half(form):
    a, b = draw((1, 4, 5, 3)), draw((1, 4, 5, 2), 1)
    module = FeatureFusion(4, form)
    variables = start(module, a, b)
    quiet = without_attention(variables)
    if form != "author":
        norm = {"mean": np.zeros(4, np.float32), "var": np.ones(4, np.float32)}
        quiet["batch_stats"]["attention"] = {"norm": norm}
    out, state = run(module, quiet, a, b, capture_intermediates=True)
    f = state["intermediates"]["conv"]["__call__"][0]
    np.testing.assert_allclose(out, 1.5 * f, rtol=1e-6)
    assert np.abs(run(module, variables, a, b) - out).max() > 1e-3


def test_fusion_gate_by_hand():
    a, b = draw((2, 3, 3, 2)), draw((2, 3, 3, 2), 1)
    module = FeatureFusion(3, style=BlockConfig(norm="none"))
    variables = start(module, a, b)
    p = jax.tree.map(np.asarray, variables["params"])
    f = np.maximum(np.concatenate([a, b], -1) @ p["conv"]["conv"]["kernel"][0, 0], 0)
    gate = np.maximum(f.mean((1, 2)) @ p["attention0"]["kernel"][0, 0], 0)
    gate = 1 / (1 + np.exp(-gate @ p["attention1"]["kernel"][0, 0]))
    want = f * (1 + gate[:, None, None])
    np.testing.assert_allclose(run(module, variables, a, b), want, atol=1e-5)


def test_strides():
    image = jax.ShapeDtypeStruct((1, 65, 97, 3), jnp.float32)
    spatial = SpatialPath(8)
    run = lambda m: jax.eval_shape(
        lambda x: m.init_with_output(jax.random.key(0), x, train=False)[0], image
    )
    assert run(spatial).shape == (1, 9, 13, 8)
    shapes = {k: v.shape[1:] for k, v in run(Xception39()).items()}
    assert shapes == {
        "c1": (33, 49, 8),
        "c2": (17, 25, 8),
        "c3": (9, 13, 64),
        "c4": (5, 7, 128),
        "c5": (3, 4, 256),
    }


def test_xception_block_is_residual(fill):
    """Zero scales in the last unit leave ReLU(x)."""
    x = draw((1, 4, 4, 8))
    block = XceptionBlock(2)
    variables = fill(block, x.shape)
    for name in ("scale", "bias"):
        variables["params"]["unit2"]["pointwise"]["norm"][name] *= 0
    np.testing.assert_array_equal(run(block, variables, x), np.maximum(x, 0))


def test_errors():
    with pytest.raises(ValueError, match="form"):
        create_model("bisenet_resnet18", 3, form="other")
    with pytest.raises(ValueError, match="backbone"):
        create_model("bisenet_resnet18", 3, backbone="resnet34")
