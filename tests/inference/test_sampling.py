"""Resizing with coordinates as data agrees with the compiled-in resizing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.sampling import extend, sample, upsample_argmax
from jaxseg.ops.bilinear import taps
from jaxseg.ops.resize import resize

SIZES = [((3, 5), (7, 4)), ((4, 4), (16, 16)), ((9, 2), (1, 1)), ((1, 1), (3, 2))]


@pytest.mark.parametrize(("source", "target"), SIZES)
@pytest.mark.parametrize("align_corners", [False, True])
def test_sample_equals_resize(source, target, align_corners):
    x = np.random.default_rng(1).normal(size=(2, *source, 3)).astype(np.float32)
    rows, columns = (
        taps(a, b, align_corners=align_corners)
        for a, b in zip(source, target, strict=True)
    )
    resized = jax.jit(resize, static_argnums=1, static_argnames="align_corners")
    expected = resized(x, target, align_corners=align_corners)
    on_host = sample(x, rows, columns)
    assert isinstance(on_host, np.ndarray)
    np.testing.assert_allclose(on_host, expected, atol=1e-6)
    on_device = jax.jit(sample)(x, rows, extend(columns, 20))
    np.testing.assert_allclose(on_device[:, :, : target[1]], expected, atol=1e-6)


@pytest.mark.parametrize("block", [1, 5, 64])
@pytest.mark.parametrize("align_corners", [False, True])
def test_upsample_argmax_equals_resize_then_argmax(block, align_corners):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 6))
    x = jnp.asarray(x, jnp.float32)
    size = (33, 18)
    label = upsample_argmax(x, size, block=block, align_corners=align_corners)
    resized = jax.jit(resize, static_argnums=1, static_argnames="align_corners")
    expected = np.argmax(resized(x, size, align_corners=align_corners), axis=-1)
    assert label.dtype == jnp.int32
    np.testing.assert_array_equal(label, expected)


def test_upsample_argmax_is_not_argmax_then_upsample():
    # Between two confident neighbors the runner-up of both can win.
    x = jnp.array([[[[3.0, 0.0, 2.0], [0.0, 3.0, 2.0]]]])
    assert upsample_argmax(x, (1, 8)).tolist()[0][0] == [0, 0, 0, 2, 2, 1, 1, 1]


def test_taps_refuse_empty_axes():
    with pytest.raises(ValueError, match="source=0 is invalid"):
        taps(0, 4)
