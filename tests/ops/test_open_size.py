"""Programs for images of any size compute what programs for one size compute."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from jaxseg.backbones.vit import resize_position
from jaxseg.models.unet_valid import mirror
from jaxseg.nn.attention import attend_pixels
from jaxseg.nn.upsample import bilinear_deconv
from jaxseg.ops.conv import conv
from jaxseg.ops.open_size import any_below, as_fraction, is_open, larger, smaller
from jaxseg.ops.pool import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    max_pool,
    max_pool_argmax,
)
from jaxseg.ops.preprocess import scaled_size
from jaxseg.ops.rescale import rescale
from jaxseg.ops.resize import resize
from jaxseg.ops.unpool import max_unpool
from jaxseg.ops.upsample_conv import doubled_conv

KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 3)).astype(np.float32)
POSITION = np.random.default_rng(2).normal(size=(1, 1 + 15, 4)).astype(np.float32)


def size_of(x):
    return x.shape[1], x.shape[2]


def times(x, factor):
    return tuple(side * factor for side in size_of(x))


OPERATORS = {
    "dead taps": lambda x: conv(x, KERNEL, padding=30, rate=30),
    "pointwise": lambda x: conv(x, KERNEL[:1, :1], stride=2),
    "deconvolution": lambda x: bilinear_deconv(
        x, stride=2, kernel=4, crop=1, size=times(x, 2)
    ),
    "doubled": lambda x: doubled_conv(x, None, KERNEL, size=times(x, 2)),
    "max pool": lambda x: max_pool(x, window=3, stride=2, padding=1, ceil=True),
    "avg pool": lambda x: avg_pool(x, window=3, padding=1, count_include_pad=False),
    "open window": lambda x: avg_pool(
        x, window=tuple(smaller(5, n) for n in size_of(x)), stride=2
    ),
    "adaptive mean": lambda x: adaptive_avg_pool(x, (3, 5)),
    "adaptive maximum": lambda x: adaptive_max_pool(x, (3, 5)),
    "resize up": lambda x: resize(x, times(x, 3)),
    "resize to one size": lambda x: resize(x, (7, 11)),
    "aligned corners": lambda x: resize(x, times(x, 3), align_corners=True),
    "nearest": lambda x: resize(x, (7, 11), method="nearest"),
    "dense": lambda x: resize(x, times(x, 2), impl="lax"),
    "antialias": lambda x: resize(x, scaled_size(size_of(x), 0.5), antialias=True),
    "rescale": lambda x: rescale(x, 0.75),
    "corners": lambda x: rescale(x, 0.5, "corners"),
    "unpool": lambda x: max_unpool(*max_pool_argmax(x), size_of(x)),
    "attention": lambda x: attend_pixels(x, x, x, 0.5, "auto"),
    "mirrored": lambda x: mirror(x, 1),
    "positions": lambda x: resize_position(POSITION, (3, 5), size_of(x)),
}


def test_open_sizes_give_the_values_of_fixed_sizes():
    """One program has all operators, because each program costs compilation."""
    run = jax.jit(lambda x: {name: of(x) for name, of in OPERATORS.items()})
    height, width = export.symbolic_shape("h, w")
    shape = (2, 4 * height, 4 * width, 3)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    program = export.export(run, platforms=("cpu",))(image)
    for size in ((12, 8), (4, 20)):
        x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
        found, expected = program.call(x), run(x)
        assert set(found) == set(expected) == set(OPERATORS)
        for name, want in expected.items():
            np.testing.assert_allclose(found[name], want, atol=2e-5, err_msg=name)


def test_comparisons_of_known_sizes_are_ordinary():
    assert any_below((5, 3), 4) and not any_below((5, 4), 4)
    assert (smaller(2, 3), larger(2, 3), is_open(2, np.int64(3))) == (2, 3, False)
    with pytest.raises(ValueError, match="is invalid for images of any size"):
        as_fraction(0.123456789)


def test_what_depends_on_the_image_is_not_certain():
    (height,) = export.symbolic_shape("h")
    assert is_open(height) and not any_below((2 * height,), 4)
    assert any_below((-height,), 4)
