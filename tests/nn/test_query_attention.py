"""Attention of queries with masks, deformable attention, and sine positions."""

import jax
import numpy as np
import pytest

from jaxseg.nn.deformable_attention import DeformableAttention
from jaxseg.nn.query_attention import QueryAttention
from jaxseg.nn.sine_position import sine_positions


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def test_sine_positions_follow_the_formula():
    got = np.asarray(jax.jit(lambda: sine_positions(3, 5, 8))())
    for i, j, channel in np.ndindex(got.shape):
        place, side = ((i, 3), (j, 5))[channel // 4]
        pair = channel % 4 // 2
        angle = 2 * np.pi * (place + 1) / side / 10_000 ** (2 * pair / 4)
        expected = (np.sin, np.cos)[channel % 2](angle)
        np.testing.assert_allclose(got[i, j, channel], expected, atol=1e-5)
    with pytest.raises(ValueError, match="channels=6 is invalid: expected a multiple"):
        sine_positions(1, 1, 6)


@pytest.mark.parametrize("joint", [False, True])
def test_queries_read_only_the_pixels_of_their_masks(joint):
    random = np.random.default_rng(0)
    query, key, value = (
        random.normal(size=(2, n, 8)).astype(np.float32) for n in (3, 5, 5)
    )
    mask = random.random((2, 3, 5)) < 0.5
    mask[:, :, 0] = True
    layer = QueryAttention(heads=2, joint=joint)
    variables = jax.jit(layer.init)(jax.random.key(0), query, key, value, mask)
    params = jax.tree.map(np.asarray, variables["params"])
    if joint:
        parts = np.split(params["qkv"]["kernel"], 3, axis=1)
    else:
        parts = [params[name]["kernel"] for name in ("query", "key", "value")]
    q, k, v = (
        (x @ part).reshape(2, -1, 2, 4)
        for x, part in zip((query, key, value), parts, strict=True)
    )
    scores = np.einsum("bnhd,bmhd->bhnm", q, k) / 2
    weights = softmax(np.where(mask[:, None], scores, -np.inf))
    expected = np.einsum("bhnm,bmhd->bnhd", weights, v).reshape(2, 3, 8)
    expected = expected @ params["out"]["kernel"]
    got = jax.jit(layer.apply)(variables, query, key, value, mask)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_deformable_attention_starts_as_a_mean_along_directions():
    """At first, point i of a head is i pixels away, in the direction of the head."""
    layer = DeformableAttention(heads=4, points=2)
    column = np.arange(9, dtype=np.float32)
    source = np.broadcast_to(column[None, :, None], (9, 9, 4)).reshape(1, 81, 4)
    centers = np.full((1, 2), 0.5, np.float32)
    inputs = (np.zeros((1, 1, 4), np.float32), source, centers)
    identity = {"kernel": np.eye(4, dtype=np.float32), "bias": np.zeros(4, np.float32)}

    @jax.jit
    def first(*inputs):
        variables = layer.init(jax.random.key(0), *inputs, [(9, 9)])
        params = {**variables["params"], "value": identity, "out": identity}
        return layer.apply({"params": params}, *inputs, [(9, 9)])[0, 0]

    # Right, down, left, up; the points are 1 and 2 pixels away.
    np.testing.assert_allclose(first(*inputs), [5.5, 4, 2.5, 4], atol=1e-4)
