"""Upsampling: bilinear ramps, overlap counts, positions of sub-pixels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.nn.layers import ConvTranspose
from jaxseg.nn.upsample import (
    BilinearDeconv,
    MaxUnpool,
    ResizeConv,
    SubPixelConv,
    Upsample,
    bilinear_deconv,
)
from jaxseg.ops.lrn import local_response_norm
from jaxseg.ops.pool import max_pool_argmax
from jaxseg.ops.resize import resize

RANDOM = np.random.default_rng(0)


@functools.partial(jax.jit, static_argnums=(0, 3))
def compiled(module, variables, x, size):
    return module.apply(variables, x, *size)


def run(module, variables, x, *size):
    """The output of a module as a NumPy array, computed by one program."""
    return np.asarray(compiled(module, variables, x, size))


def start(module, x):
    """The initial variables of a module."""
    return jax.jit(module.init)(jax.random.key(0), x)


def slow_deconv(x, stride, kernel):
    """`[h, w]`, one product at a time, uncropped."""
    half = (kernel + 1) // 2
    center = half - 1 if kernel % 2 else half - 0.5
    taps = 1 - np.abs(np.arange(kernel) - center) / half
    out = np.zeros([(n - 1) * stride + kernel for n in x.shape])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            rows = slice(i * stride, i * stride + kernel)
            columns = slice(j * stride, j * stride + kernel)
            out[rows, columns] += x[i, j] * np.outer(taps, taps)
    return out


@pytest.mark.parametrize(
    ("stride", "kernel", "crop"), [(2, 4, 1), (8, 16, 3), (16, 32, 27), (32, 63, 18)]
)
def test_fixed_deconvolution_is_the_slow_one(stride, kernel, crop):
    x = RANDOM.normal(size=(2, 3, 4, 2)).astype(np.float32)
    full = np.stack(
        [
            np.stack([slow_deconv(x[b, :, :, c], stride, kernel) for c in (0, 1)], -1)
            for b in (0, 1)
        ]
    )
    size = tuple(n - crop for n in full.shape[1:3])
    deconv = functools.partial(bilinear_deconv, stride=stride, kernel=kernel, crop=crop)
    got = jax.jit(functools.partial(deconv, size=size))(x)
    np.testing.assert_allclose(got, full[:, crop:, crop:], atol=1e-5)
    with pytest.raises(ValueError, match="at most"):
        deconv(jnp.asarray(x), size=(size[0] + 1, size[1]))


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_bilinear_deconvolution_is_resizing_inside_and_fades_outside(stride):
    x = RANDOM.normal(size=(1, 6, 7, 3)).astype(np.float32)
    size = (6 * stride, 7 * stride)
    module = BilinearDeconv(stride, 2 * stride, stride // 2)
    up = run(module, {}, x, size)
    half = slice(stride // 2, -(stride // 2))
    resized = np.asarray(jax.jit(resize, static_argnums=1)(x, size))
    np.testing.assert_allclose(up[:, half, half], resized[:, half, half], atol=1e-5)
    ones = run(module, {}, np.ones_like(x), size)
    np.testing.assert_allclose(ones[:, half, half], 1, atol=1e-6)
    corner = ((stride + 1) / (2 * stride)) ** 2
    np.testing.assert_allclose(ones[0, 0, 0], corner, atol=1e-6)


def test_bilinear_deconvolution_keeps_a_ramp():
    x = np.broadcast_to(
        np.arange(5, dtype=np.float32)[None, :, None, None], (1, 5, 5, 1)
    )
    y = run(BilinearDeconv(4, 8, 2), {}, x, (20, 20))[0, :, 10, 0]
    want = (np.arange(20) + 0.5) / 4 - 0.5
    np.testing.assert_allclose(y[2:-2], want[2:-2], atol=1e-6)


def test_learned_deconvolution_starts_bilinear():
    x = RANDOM.normal(size=(1, 4, 5, 3)).astype(np.float32)
    learned = BilinearDeconv(4, 8, 2, learned=True)

    @jax.jit
    def both(x):
        first, _ = learned.init_with_output(jax.random.key(0), x, (16, 19))
        return first, BilinearDeconv(4, 8, 2).apply({}, x, (16, 19))

    np.testing.assert_allclose(*both(x), atol=1e-5)
    with pytest.raises(ValueError, match=r"size=\(19, 19\)"):
        learned.init(jax.random.key(0), x, (19, 19))


@pytest.mark.parametrize(
    ("kernel", "stride", "counts"),
    [(2, 2, {1}), (3, 2, {1, 2, 4}), (4, 2, {4}), (3, 3, {1}), (5, 3, {1, 2, 4})],
)
def test_overlap_counts(kernel, stride, counts):
    """How many inputs an output pixel sums: uniform only if stride divides kernel."""
    module = ConvTranspose(1, kernel, stride, bias=False)
    x = np.ones((1, 8, 8, 1), np.float32)
    variables = {"params": {"kernel": np.ones((kernel, kernel, 1, 1), np.float32)}}
    y = run(module, variables, x)[0, kernel:-kernel, kernel:-kernel, 0]
    assert set(np.rint(y).astype(int).ravel()) == counts
    assert (len(counts) == 1) == (kernel % stride == 0)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_resize_convolution_has_no_checkerboard(method):
    module = ResizeConv(2, 2, method=method)
    x = np.ones((1, 6, 6, 3), np.float32)
    y = run(module, start(module, x), x)[0, 1:-1, 1:-1]
    np.testing.assert_allclose(y, np.broadcast_to(y[0, 0], y.shape), atol=1e-5)
    with pytest.raises(ValueError, match="method='cubic'"):
        ResizeConv(2, method="cubic").init(jax.random.key(0), x)


def test_sub_pixels_go_to_their_places():
    """Channel c * r * r + i * r + j becomes channel c of pixel (r y + i, r x + j)."""
    module = SubPixelConv(2, 3, kernel=1)
    x = RANDOM.normal(size=(1, 4, 5, 6)).astype(np.float32)
    variables = start(module, x)
    wide = x @ np.asarray(variables["params"]["conv"]["kernel"])[0, 0]
    y = run(module, variables, x)
    assert y.shape == (1, 12, 15, 2)
    for c, i, j in ((0, 0, 0), (1, 2, 1), (0, 1, 2)):
        np.testing.assert_allclose(
            y[0, i::3, j::3, c], wide[0, :, :, c * 9 + i * 3 + j], atol=1e-5
        )


def test_local_response_norm_is_the_formula():
    x = RANDOM.normal(size=(2, 3, 7)).astype(np.float32)
    want = np.empty_like(x)
    for c in range(7):
        power = (x[..., max(0, c - 2) : c + 3] ** 2).sum(-1)
        want[..., c] = x[..., c] / (2 + 0.3 / 5 * power) ** 0.75
    got = jax.jit(functools.partial(local_response_norm, alpha=0.3, k=2.0))(x)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    with pytest.raises(ValueError, match="size=4"):
        local_response_norm(jnp.asarray(x), size=4)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("nearest", [1, 1, 3, 3]),
        ("bed_of_nails", [1, 0, 3, 0]),
        ("bilinear", [1, 1.5, 2.5, 3]),
        ("bilinear_aligned", [1, 5 / 3, 7 / 3, 3]),
    ],
)
def test_upsample_of_a_ramp(kind, expected):
    x = np.array([1, 3], np.float32).reshape(1, 1, 2, 1)
    y = run(Upsample(kind), {}, x)
    assert y.shape == (1, 2, 4, 1)
    np.testing.assert_allclose(y[0, 0, :, 0], expected, atol=1e-6)


def test_upsample_refuses():
    with pytest.raises(ValueError, match="kind='cubic' is invalid"):
        Upsample("cubic").apply({}, jnp.zeros((1, 2, 2, 1)))


def test_unpooling_module_puts_the_maximum_back():
    x = jnp.array([[1.0, 5.0], [2.0, 3.0]]).reshape(1, 2, 2, 1)
    pooled, position = max_pool_argmax(x)
    y = MaxUnpool().apply({}, pooled, position, (2, 2))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 5], [0, 0]])
