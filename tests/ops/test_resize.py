"""Resizing against `jax.image.resize`, dense matrices and coordinate ramps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.resize import bilinear_weights, pad_to_multiple, resize
from jaxseg.ops.shuffle import depth_to_space, space_to_depth

SIZES = [
    ((4, 5), (8, 20)),
    ((4, 5), (9, 7)),
    ((7, 6), (3, 4)),
    ((1, 1), (5, 6)),
    ((2, 3), (16, 24)),
]


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_half_pixel_equals_jax_image(source, target):
    @jax.jit
    def run(x):
        shape = (2, *target, 3)
        return [
            (
                resize(x, target, antialias=smooth),
                jax.image.resize(x, shape, "bilinear", antialias=smooth),
            )
            for smooth in (False, True)
        ]

    for found, expected in run(draw((2, *source, 3))):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_gradient_is_the_transposed_matrix(source, target, align):
    x, ct = draw((2, *source, 3)), draw((2, *target, 3), 1)

    @jax.jit
    def run(x, ct):
        pairs = []
        for impl in ("auto", "lax"):
            one = lambda x, i=impl: resize(x, target, align_corners=align, impl=i)
            value, pull = jax.vjp(one, x)
            pairs.append((value, *pull(ct)))
        return pairs

    (y, gradient), (z, slow) = run(x, ct)
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient, slow, rtol=1e-4, atol=1e-4)


def test_aligned_corners_keep_corners_and_ramps():
    ramp = np.linspace(0, 1, 5, dtype=np.float32)[None, :, None, None]
    ramp = ramp * np.ones((1, 5, 4, 1), np.float32)
    y = np.asarray(jax.jit(lambda x: resize(x, (13, 4), align_corners=True))(ramp))
    np.testing.assert_allclose(y[0, :, 0, 0], np.linspace(0, 1, 13), atol=1e-6)


def test_weights_sum_to_one_and_share_evenly():
    for align in (False, True):
        np.testing.assert_allclose(bilinear_weights(7, 19, align).sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(bilinear_weights(2, 4)[1], [0.75, 0.25])


def test_nearest_is_half_pixel_exact():
    x = np.arange(5, dtype=np.float32).reshape(1, 5, 1, 1)
    both = jax.jit(lambda x: [resize(x, (n, 1), method="nearest") for n in (10, 3)])(x)
    up, down = (np.asarray(y)[0, :, 0, 0] for y in both)
    np.testing.assert_array_equal(up, np.repeat(np.arange(5), 2))
    np.testing.assert_array_equal(down, [0, 2, 4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "cubic"}, "method='cubic' is invalid"),
        ({"antialias": True, "align_corners": True}, "expected half-pixel centers"),
    ],
)
def test_resize_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        resize(jnp.zeros((1, 4, 4, 1)), (2, 2), **options)


def test_padding_to_a_multiple():
    x = np.asarray(draw((1, 7, 9, 1)))
    padded, size = pad_to_multiple(x, 4)
    padded = np.asarray(padded)
    assert padded.shape == (1, 8, 12, 1) and size == (7, 9)
    np.testing.assert_array_equal(padded[:, :7, :9], x)
    assert not padded[:, 7:].any() and not padded[:, :, 9:].any()


@pytest.mark.parametrize("order", ["dcr", "crd"])
def test_shuffles(order):
    x = np.asarray(draw((2, 3, 4, 12)))

    @jax.jit
    def run(x):
        y = depth_to_space(x, (2, 3), order)
        return y, space_to_depth(y, (2, 3), order)

    y, again = map(np.asarray, run(x))
    np.testing.assert_array_equal(again, x)
    for r, s, c in ((0, 0, 0), (1, 2, 1), (1, 0, 1)):
        channel = (r * 3 + s) * 2 + c if order == "dcr" else c * 6 + r * 3 + s
        np.testing.assert_array_equal(y[:, r::2, s::3, c], x[..., channel])
