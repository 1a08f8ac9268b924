"""Heads of the atrous family: rates, orders, fusions and strides."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.heads.aspp import ScoreSumHead, aspp_rates
from jaxseg.heads.cascade import CascadeHead
from jaxseg.heads.duc import DUCHead
from jaxseg.heads.encoding import Encoding
from jaxseg.heads.largefov import FullyConnected, LargeFOVHead
from jaxseg.heads.lraspp import LRASPPHead
from jaxseg.nn.block_config import BlockConfig

PLAIN = BlockConfig(norm="none")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def filled(module, *inputs, **options):
    shapes = jax.eval_shape(
        lambda *xs: module.init(jax.random.key(0), *xs, **options), *inputs
    )
    random = np.random.default_rng(1)
    make = lambda leaf: random.normal(0, 0.3, leaf.shape).astype(np.float32)
    return jax.tree.map(make, shapes)


def run(head, variables, pyramid):
    """The logits, from one compiled program: operator by operator takes longer."""
    return jax.jit(functools.partial(head.apply, train=False))(variables, pyramid)


def test_default_rates_keep_their_span_in_pixels():
    assert [aspp_rates(None, os) for os in (32, 16, 8)] == [
        (3, 6, 9),
        (6, 12, 18),
        (12, 24, 36),
    ]
    assert aspp_rates((), 8) == () and aspp_rates((1, 2), 8) == (1, 2)


def test_scores_of_the_rates_add_up():
    pyramid = {"c5": draw(1, 7, 8, 3)}
    head = ScoreSumHead(2, (1, 3))
    variables = filled(head, pyramid, train=False)
    total = 0
    for i, rate in enumerate((1, 3)):
        alone = {"params": {"branch0": variables["params"][f"branch{i}"]}}
        total += run(ScoreSumHead(2, (rate,)), alone, pyramid)
    got = run(head, variables, pyramid)
    np.testing.assert_allclose(got, total, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("order", "channel"), [("crd", 1 * 4 + 2), ("dcr", 2 * 3 + 1)])
def test_duc_channel_order(order, channel):
    """Class 1 at sub-pixel (1, 0) of every cell comes from one channel."""
    head = DUCHead(3, cell=2, order=order, rates=(1,))
    pyramid = {"c5": draw(1, 3, 4, 2)}
    variables = jax.tree.map(np.zeros_like, filled(head, pyramid, train=False))
    variables["params"]["scores"]["branch0"]["bias"][channel] = 1
    got = run(head, variables, pyramid)
    want = np.zeros((1, 6, 8, 3), np.float32)
    want[:, 1::2, 0::2, 1] = 1
    np.testing.assert_array_equal(got, want)


@pytest.mark.slow
def test_cascade_strides_become_rates():
    x, grid = draw(1, 17, 16, 16), (1, 2, 1)
    make = lambda os: CascadeHead(2, 3, os, grid, width=2, style=PLAIN)
    variables = filled(make(32), {"c5": x}, train=False)
    dense = run(make(32), variables, {"c5": x})
    for output_stride in (64, 128, 256):
        factor = output_stride // 32
        strided = run(make(output_stride), variables, {"c5": x})
        gap = np.abs(dense[:, ::factor, ::factor] - strided).max() / strided.std()
        assert gap < 1e-4


def test_cascade_refuses_strides_it_cannot_reach():
    with pytest.raises(ValueError, match=r"output_stride=64 .*\[8, 16, 32\]"):
        filled(CascadeHead(2, 0, 64), {"c5": draw(1, 4, 4, 8)}, train=False)


@pytest.mark.parametrize(("kernel", "rate"), [(3, 12), (4, 8), (4, 1), (7, 4)])
def test_fully_connected_layers_keep_the_size(kernel, rate):
    x = jax.ShapeDtypeStruct((1, 11, 12, 4), np.float32)
    block = FullyConnected(8, kernel, rate)
    run = lambda x: block.init_with_output(jax.random.key(0), x, train=False)[0]
    assert jax.eval_shape(run, x).shape == (1, 11, 12, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fusion", "size"), [("none", (4, 5)), ("concat", (4, 5)), ("sum", (32, 40))]
)
def test_msc_reads_the_image_and_every_pool(fusion, size):
    pyramid = {
        f"c{i}": draw(1, 32 >> min(i, 3), 40 >> min(i, 3), 3, seed=i) for i in range(6)
    }
    head = LargeFOVHead(2, features=4, fusion=fusion, scale_features=3)
    variables = filled(head, pyramid, train=False)
    logits = jax.jit(functools.partial(head.apply, train=False))
    got = logits(variables, pyramid)
    assert got.shape == (1, *size, 2)
    for tap in ("c0", "c1", "c2", "c3", "c4"):
        changed = logits(variables, {**pyramid, tap: pyramid[tap] + 1})
        assert (np.abs(changed - got).max() > 1e-4) == (fusion != "none")


@pytest.mark.slow
def test_lraspp_gate_is_the_pooled_context():
    pyramid = {"c3": draw(1, 8, 8, 3), "c5": draw(1, 4, 4, 5)}
    head = LRASPPHead(2, 4, style=PLAIN)
    variables = filled(head, pyramid, train=False)
    p = variables["params"]
    high = jax.nn.relu(pyramid["c5"] @ p["conv"]["conv"]["kernel"][0, 0])
    gate = jax.nn.sigmoid(pyramid["c5"].mean((1, 2)) @ p["gate"]["kernel"][0, 0])
    high = high * gate[:, None, None]
    high = jax.image.resize(high, (1, 8, 8, 4), "bilinear")
    want = (
        pyramid["c3"] @ p["low_score"]["kernel"][0, 0]
        + p["low_score"]["bias"][None, None, None]
    )
    want += high @ p["score"]["kernel"][0, 0] + p["score"]["bias"][None, None, None]
    got = run(head, variables, pyramid)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    windowed = LRASPPHead(2, 4, window=((49, 49), (16, 20)), style=PLAIN)
    np.testing.assert_allclose(
        run(windowed, variables, pyramid), got, rtol=1e-5, atol=1e-5
    )


def test_encoding_is_the_soft_residual_sum():
    x = draw(2, 3, 4, 5)
    block = Encoding(3)
    variables = filled(block, x)
    words, smoothing = (variables["params"][k] for k in ("codewords", "smoothing"))
    pixels = x.reshape(2, 12, 1, 5)
    residual = pixels - words[None, None]
    weight = jax.nn.softmax(smoothing[None, None] * (residual**2).sum(-1), axis=-1)
    want = jnp.einsum("bnk,bnkc->bkc", weight, residual)
    np.testing.assert_allclose(block.apply(variables, x), want, rtol=1e-4, atol=1e-5)
