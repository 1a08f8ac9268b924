"""Every formulation equals `lax` in value and gradient."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.conv import conv, same_padding
from jaxseg.ops.lowering.tap_conv import share_inside
from jaxseg.ops.transposed import conv_transpose


def draw(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def assert_same(f, g, *args):
    """Values and vector-Jacobian products of f and g agree; returns the value of f."""

    @jax.jit
    def run(ct, *args):
        pairs = []
        for function in (f, g):
            value, pull = jax.vjp(function, *args)
            pairs.append((value, pull(ct)))
        return pairs

    ct = draw(jax.eval_shape(g, *args).shape, 9)
    (y, gradients), (z, others) = run(ct, *args)
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-4)
    for a, b in zip(gradients, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
    return y


CASES = [
    # height, width, kernel, stride, rate, padding, groups, channels in, out
    (9, 8, 3, 1, 1, 1, 1, 4, 5),
    (9, 8, 3, 2, 1, 1, 1, 4, 5),
    (9, 8, 1, 1, 1, 0, 1, 4, 5),
    (9, 8, 1, 2, 1, 0, 1, 4, 5),
    (9, 8, 1, 1, 1, 2, 1, 4, 5),
    (9, 8, 2, 1, 1, 1, 1, 4, 5),
    (9, 8, 4, 2, 1, ((1, 2), (0, 3)), 1, 4, 5),
    (9, 8, 3, 1, 6, 6, 1, 4, 5),
    (9, 8, 3, 1, 12, 12, 1, 4, 5),
    (9, 8, 3, 2, 12, 12, 1, 4, 5),
    (9, 8, 3, 1, (2, 9), (2, 9), 1, 4, 5),
    (9, 8, 3, 1, 1, 20, 1, 4, 5),
    (9, 8, 3, 1, 1, 1, 4, 4, 4),
    (9, 8, 3, 2, 1, 1, 4, 4, 4),
    (9, 8, 3, 1, 2, 2, 4, 4, 8),
    (9, 8, 3, 1, 12, 12, 4, 4, 4),
    (9, 8, 5, 2, 1, 2, 4, 4, 4),
    (9, 8, 3, 1, 1, 1, 2, 4, 6),
    (9, 8, 3, 1, 1, 1, 8, 16, 16),
    (9, 8, 3, 2, 2, ((2, 1), (0, 2)), 8, 16, 24),
    (9, 8, (3, 2), 1, (5, 3), ((5, 4), (3, 0)), 1, 4, 5),
    pytest.param((19, 18, 5, 1, 6, 12, 1, 4, 5), marks=pytest.mark.sweep),
    (19, 18, 4, 1, 5, ((9, 6), (3, 12)), 1, 4, 5),
    (7, 7, (7, 1), 1, 1, (3, 0), 1, 4, 5),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_equals_lax(case):
    h, w, k, stride, rate, padding, groups, c, o = case
    kh, kw = (k, k) if isinstance(k, int) else k
    x, kernel = draw((2, h, w, c), 0), draw((kh, kw, c // groups, o), 1)
    options = {"stride": stride, "rate": rate, "padding": padding, "groups": groups}
    assert_same(
        lambda x, k: conv(x, k, **options),
        lambda x, k: conv(x, k, impl="lax", **options),
        x,
        kernel,
    )


def test_idle_taps_leave_the_program():
    """At a rate beyond the map only the center tap is computed: a matrix product."""
    x, kernel = draw((1, 9, 9, 4), 0), draw((3, 3, 4, 5), 1)
    run = lambda x: conv(x, kernel, rate=9, padding=9)
    assert "conv_general_dilated" not in str(jax.make_jaxpr(run)(x))
    want = np.asarray(x) @ np.asarray(kernel)[1, 1]
    np.testing.assert_allclose(jax.jit(run)(x), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("rate", "inside"), [(1, 0.857), (4, 0.495), (6, 0.309)])
def test_an_atrous_kernel_mostly_outside_multiplies_what_is_inside(rate, inside):
    """On 9 pixels, 9 + 2 * (9 - rate) of 27 taps per axis read the map."""
    x, kernel = draw((1, 9, 9, 4), 0), draw((3, 3, 4, 5), 1)
    padding = ((rate, rate), (rate, rate))
    share = share_inside(x, kernel, (rate, rate), padding)
    assert share == pytest.approx(inside, abs=1e-3)
    run = lambda x: conv(x, kernel, rate=rate, padding=rate)
    text = str(jax.make_jaxpr(run)(x))
    assert ("conv_general_dilated" in text) == (rate == 1)
    assert text.count("dot_general") == (0 if rate == 1 else 9)


def test_same_padding():
    assert [same_padding(k, r) for k, r in ((1, 1), (3, 1), (3, 6), (7, 2))] == [
        0,
        1,
        6,
        6,
    ]
    with pytest.raises(ValueError, match=r"kernel_size=4 is invalid"):
        same_padding(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"impl": "fast"}, "impl='fast' is invalid"),
        ({"groups": 2}, "in 2 groups"),
        ({"rate": 4}, "extent of 9 pixels exceeds the padded height of 8"),
    ],
)
def test_conv_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        conv(jnp.zeros((1, 8, 9, 4)), jnp.zeros((3, 3, 4, 4)), **arguments)


TRANSPOSED = list(
    itertools.chain(
        [(k, s, p, op) for k, s, p, op in ((4, 2, 1, 0), (3, 2, 1, 1), (2, 2, 0, 0))],
        [(16, 8, 4, 0), (8, 4, 0, 0), (3, 2, 0, 0), (3, 1, 1, 0), (1, 2, 0, 1)],
        [((4, 3), (2, 1), (1, 1), 0), (7, 3, 2, 2), (2, 3, 0, 0)],
    )
)


@pytest.mark.slow
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_conv_transpose_equals_lax_and_definition(case):
    kernel_size, stride, padding, extra = case
    kh, kw = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
    x, kernel = draw((2, 5, 6, 3), 0), draw((kh, kw, 3, 4), 1)
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    found = assert_same(
        lambda x, k: conv_transpose(x, k, **options),
        lambda x, k: conv_transpose(x, k, impl="lax", **options),
        x,
        kernel,
    )
    slow = _scatter(np.asarray(x), np.asarray(kernel), stride, padding, extra)
    np.testing.assert_allclose(found, slow, rtol=1e-4, atol=1e-4)


def _scatter(x, kernel, stride, padding, extra):
    """out[s * i + u - p] += x[i] @ kernel[u], one pixel at a time."""
    (sh, sw), (ph, pw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    (kh, kw), (b, h, w, _) = kernel.shape[:2], x.shape
    full = np.zeros((b, (h - 1) * sh + kh + extra, (w - 1) * sw + kw + extra, 4))
    for i, j, u, v in itertools.product(range(h), range(w), range(kh), range(kw)):
        full[:, sh * i + u, sw * j + v] += x[:, i, j] @ kernel[u, v]
    return full[:, ph : full.shape[1] - ph, pw : full.shape[2] - pw]
