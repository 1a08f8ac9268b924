"""SPN and CSPN: slow loops from the papers' equations, and their invariants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops import propagate
from jaxseg.ops.propagate import DIRECTIONS, OFFSETS, cspn_kernel, stable_gates

spn = jax.jit(propagate.spn)
spn_sweep = jax.jit(propagate.spn_sweep, static_argnames="direction")
cspn = jax.jit(propagate.cspn, static_argnames=("steps", "absolute", "read"))


def draw(shape, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def sweep_right(x, gates):
    """arXiv 1710.01020, left to right, one pixel at a time."""
    batch, height, width, _ = x.shape
    out = np.zeros_like(x)
    for b in range(batch):
        for t in range(width):
            for i in range(height):
                total, taken = 0.0, 0.0
                for k, row in enumerate((i - 1, i, i + 1)):
                    if t > 0 and 0 <= row < height:
                        gate = gates[b, i, t, :, k]
                        total = total + gate * out[b, row, t - 1]
                        taken = taken + gate
                out[b, i, t] = (1 - taken) * x[b, i, t] + total
    return out


def turned(x, direction):
    """The map turned so that the sweep travels to the right (its own inverse)."""
    if direction in ("down", "up"):
        x = np.swapaxes(x, 1, 2)
    return x[:, :, ::-1] if direction in ("left", "up") else x


def turned_back(x, direction):
    x = x[:, :, ::-1] if direction in ("left", "up") else x
    return np.swapaxes(x, 1, 2) if direction in ("down", "up") else x


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sweep_equals_loops(direction):
    x = draw((2, 5, 4, 3))
    gates = np.asarray(jax.jit(stable_gates)(draw((2, 5, 4, 3, 3), 1)))
    want = sweep_right(turned(x, direction), turned(gates, direction))
    got = spn_sweep(x, gates, direction=direction)
    np.testing.assert_allclose(got, turned_back(want, direction), atol=1e-5)


def test_spn_is_the_maximum_of_four_sweeps():
    x, raw = draw((1, 4, 6, 2)), draw((1, 4, 6, 4, 3, 2), 1)
    gates = np.moveaxis(raw, 4, -1)
    gates = gates / np.maximum(np.abs(gates).sum(-1, keepdims=True), 1)
    want = np.max(
        [
            turned_back(sweep_right(turned(x, d), turned(gates[:, :, :, i], d)), d)
            for i, d in enumerate(DIRECTIONS)
        ],
        axis=0,
    )
    np.testing.assert_allclose(spn(x, raw), want, atol=1e-5)


def test_stable_gates_bound_and_leave_small_ones():
    gates = draw((50, 3), 3, scale=0.5)
    gates[:2] = 0
    stable = np.asarray(jax.jit(stable_gates)(gates))
    total = np.abs(gates).sum(-1)
    assert np.abs(stable).sum(-1).max() <= 1 + 1e-6
    small = total <= 1
    assert small.sum() > 4
    np.testing.assert_array_equal(stable[small], gates[small])
    np.testing.assert_array_equal(stable[:2], 0)


def test_spn_keeps_constants_and_is_the_identity_without_gates():
    gates = draw((1, 4, 6, 4, 3, 2), 4)
    constant = np.full((1, 4, 6, 2), 1.7, np.float32)
    np.testing.assert_allclose(spn(constant, gates), 1.7, rtol=1e-5)
    x = draw((1, 4, 6, 2))
    np.testing.assert_array_equal(spn(x, np.zeros_like(gates)), x)


def test_sweep_is_affine_equivariant_and_causal():
    gates = jax.jit(stable_gates)(draw((1, 7, 7, 1, 3), 5))
    x = draw((1, 7, 7, 1), 6)
    run = lambda x: np.asarray(spn_sweep(x, gates))
    np.testing.assert_allclose(run(3 * x + 2), 3 * run(x) + 2, atol=1e-5)
    changed = x.copy()
    changed[0, 3, 2, 0] += 1
    change = run(changed) - run(x)
    rows, columns = np.nonzero(np.abs(change[0, :, :, 0]) > 1e-7)
    assert (columns >= 2).all() and (np.abs(rows - 3) <= columns - 2).all()
    assert columns.max() == 6


def cspn_loops(x, guidance, steps, absolute=False, anchor=None, anchored=None):
    """arXiv 1808.00150 with the center on H_0, guidance at the receiving pixel."""
    batch, height, width, _ = x.shape
    current = x.copy()
    for _ in range(steps):
        new = np.zeros_like(x)
        for b, i, j in np.ndindex(batch, height, width):
            near = [
                (guidance[b, i, j, k], i + di, j + dj)
                for k, (di, dj) in enumerate(OFFSETS)
                if 0 <= i + di < height and 0 <= j + dj < width
            ]
            total = sum(abs(g) for g, _, _ in near)
            kappa = [(abs(g) if absolute else g) / total for g, _, _ in near]
            for weight, (_, r, c) in zip(kappa, near, strict=True):
                new[b, i, j] += weight * current[b, r, c]
            new[b, i, j] += (1 - sum(kappa)) * x[b, i, j]
        if anchor is not None:
            new = (1 - anchored) * new + anchored * anchor
        current = new
    return current


@pytest.mark.parametrize("absolute", [False, True])
def test_cspn_equals_loops(absolute):
    x, guidance = draw((2, 4, 5, 3)), draw((2, 4, 5, 8), 1)
    got = cspn(x, guidance, steps=3, absolute=absolute)
    want = cspn_loops(x, guidance, 3, absolute)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_cspn_holds_the_anchor():
    x, guidance, anchor = (
        draw((1, 5, 5, 1)),
        draw((1, 5, 5, 8), 1),
        draw((1, 5, 5, 1), 2),
    )
    anchored = (np.random.default_rng(3).random((1, 5, 5, 1)) < 0.3).astype(np.float32)
    got = cspn(x, guidance, steps=4, anchor=anchor, anchored=anchored)
    want = cspn_loops(x, guidance, 4, anchor=anchor, anchored=anchored)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    hold = anchored > 0
    np.testing.assert_array_equal(np.asarray(got)[hold], anchor[hold])


@pytest.mark.parametrize("read", ["receiver", "source", "release"])
def test_cspn_weights_are_normalized_and_constants_stay(read):
    guidance = draw((2, 5, 6, 8), 7)
    constant = np.full((2, 5, 6, 1), 3, np.float32)

    @jax.jit
    def run(guidance):
        out = cspn(constant, guidance, steps=24, read=read, absolute=True)
        return *cspn_kernel(guidance, read=read), out

    kappa, center, out = map(np.asarray, run(guidance))
    np.testing.assert_allclose(np.abs(kappa).sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(kappa.sum(-1) + center[..., 0], 1, atol=1e-6)
    assert center.max() <= 2 and center.min() >= 0
    np.testing.assert_allclose(out, 3.0, atol=5e-6)


def test_cspn_constant_is_fixed_with_signed_gates_too():
    constant = np.full((1, 6, 5, 1), 3, np.float32)
    out = cspn(constant, draw((1, 6, 5, 8), 17), steps=8)
    np.testing.assert_allclose(out, 3.0, atol=1e-4)


def test_cspn_absolute_mode_obeys_the_maximum_principle():
    guidance, x = draw((1, 6, 6, 8), 8), draw((1, 6, 6, 2), 9)

    @jax.jit
    def run(x, guidance):
        _, center = cspn_kernel(guidance, absolute=True)
        out, moved = (cspn(x, guidance, absolute=True) for x in (x, 2 * x - 1))
        return center, out, moved

    center, out, moved = map(np.asarray, run(x, guidance))
    np.testing.assert_allclose(center, 0, atol=1e-6)
    assert out.min() >= x.min() - 1e-5 and out.max() <= x.max() + 1e-5
    np.testing.assert_allclose(moved, 2 * out - 1, atol=1e-5)


def test_cspn_source_reads_the_neighbors_guidance():
    """Channel 0 (up left) at (4, 5) acts on (5, 6) as source, on (4, 5) as receiver."""
    guidance, x = draw((1, 8, 8, 8), 10), draw((1, 8, 8, 1), 11)
    changed = guidance.copy()
    changed[0, 4, 5, 0] += 1
    for read, pixel in (("source", (5, 6)), ("receiver", (4, 5))):
        run = lambda weights, r=read: np.asarray(cspn(x, weights, steps=1, read=r))
        difference = run(changed) - run(guidance)
        found = np.argwhere(np.abs(difference[0, :, :, 0]) > 1e-6)
        assert [tuple(p) for p in found] == [pixel]


def test_errors_name_the_argument():
    x = np.zeros((1, 4, 4, 2), np.float32)
    with pytest.raises(ValueError, match="direction"):
        spn_sweep(x, jnp.zeros((1, 4, 4, 2, 3)), direction="sideways")
    with pytest.raises(ValueError, match="gates"):
        spn(x, jnp.zeros((1, 4, 4, 12)))
    with pytest.raises(ValueError, match="8"):
        cspn(x, jnp.zeros((1, 4, 4, 9)))
    with pytest.raises(ValueError, match="anchored"):
        cspn(x, jnp.zeros((1, 4, 4, 8)), anchor=x)
