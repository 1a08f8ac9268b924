"""Resizing by a factor: sizes, positions and cuts against a loop over pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.rescale import rescale, zoom


def sampled(line, positions):
    """Linear interpolation of a sequence at the given positions, ends repeated."""
    inside = np.clip(positions, 0, len(line) - 1)
    return np.interp(inside, np.arange(len(line)), line)


def positions(rule, source, factor):
    """Where each output sample lies, from the definition of the rule."""
    if rule == "corners":
        count = int((source - 1) * factor) + 1
        return np.linspace(0, source - 1, count)
    count = int(source * factor)
    step = 1 / factor if rule == "factor" else source / count
    return (np.arange(count) + 0.5) * step - 0.5


@pytest.mark.parametrize("rule", ["factor", "size", "corners"])
@pytest.mark.parametrize("factor", [0.75, 0.5, 1.3])
@pytest.mark.parametrize("size", [(64, 65), (33, 50)])
def test_sizes_and_positions(rule, factor, size):
    image = np.random.default_rng(0).normal(size=size)
    rows = np.stack(
        [sampled(c, positions(rule, size[0], factor)) for c in image.T], axis=1
    )
    want = np.stack([sampled(r, positions(rule, size[1], factor)) for r in rows])
    x = image.astype(np.float32)[None, :, :, None]
    got = np.asarray(jax.jit(lambda x: rescale(x, factor, rule))(x))[0, :, :, 0]
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_rules_agree_where_the_size_is_whole():
    x = np.random.default_rng(1).normal(size=(1, 8, 12, 2)).astype(np.float32)
    run = lambda x: [rescale(x, 0.5, rule) for rule in ("factor", "size")]
    np.testing.assert_array_equal(*jax.jit(run)(x))


def test_zoom_puts_cells_on_multiples_of_the_factor():
    cells = np.random.default_rng(2).normal(size=(1, 5, 4, 2)).astype(np.float32)
    got = np.asarray(jax.jit(lambda x: zoom(x, 8, (32, 25)))(cells))
    assert got.shape == (1, 32, 25, 2)
    np.testing.assert_allclose(got[:, ::8, ::8], cells[:, :4], atol=1e-6)
    middle = (cells[:, 0, 0] + cells[:, 1, 0]) / 2
    np.testing.assert_allclose(got[:, 4, 0], middle, atol=1e-6)


def test_errors_name_the_value():
    x = jnp.zeros((1, 4, 4, 1))
    with pytest.raises(ValueError, match="rule='floor' is invalid"):
        rescale(x, 0.5, "floor")
    with pytest.raises(ValueError, match=r"size=\(26, 20\) is invalid.*\(25, 25\)"):
        zoom(x, 8, (26, 20))
