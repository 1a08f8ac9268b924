"""The lattice: geometry, corners against a set of coordinates, filter against a dict."""

import functools
import itertools

import jax
import numpy as np
import pytest

from jaxseg.inference.crf_lattice import (
    elevate,
    find_corners,
    lattice_filter,
    link,
    simplex,
)

elevated, simplices, corners_of = map(jax.jit, (elevate, simplex, find_corners))


@functools.partial(jax.jit, static_argnums=2)
def filtered(corners, values, capacity=None):
    """The filtered values, and the adjacent corners, of one program."""
    lattice = link(corners, capacity)
    return lattice_filter(lattice, values), lattice.ahead


def points(dims, count=60, spread=2.0):
    random = np.random.default_rng(dims)
    return random.normal(0, spread, (count, dims)).astype(np.float32)


def corner_coordinates(features):
    """Integer coordinates [N, d + 1, d + 1] of the corners of remainder 0..d."""
    base, rank, _ = map(np.asarray, simplices(features))
    dims = features.shape[1]
    remainder = np.arange(dims + 1).reshape(1, -1, 1)
    taken = (rank[:, None] > dims - remainder) * (dims + 1)
    return base[:, None] + remainder - taken


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_a_point_is_the_mean_of_its_corners(dims):
    features = points(dims)
    plane, share = np.asarray(elevated(features)), np.asarray(simplices(features)[2])
    np.testing.assert_allclose(plane.sum(-1), 0, atol=1e-4)
    corners = corner_coordinates(features)
    np.testing.assert_array_equal(corners.sum(-1), 0)
    assert ((corners - corners[..., :1]) % (dims + 1) == 0).all()
    assert share.min() > -1e-5
    np.testing.assert_allclose(share.sum(-1), 1, rtol=1e-5)
    mixed = (share[..., None] * corners).sum(1)
    np.testing.assert_allclose(mixed, plane, atol=1e-4)


def test_lengths_are_scaled_alike():
    """Distances on the plane are those of the features times a constant."""
    features = points(4, 9)
    plane = np.asarray(elevated(features))
    pairs = list(itertools.combinations(range(9), 2))
    ratio = [
        np.linalg.norm(plane[i] - plane[j]) / np.linalg.norm(features[i] - features[j])
        for i, j in pairs
    ]
    np.testing.assert_allclose(ratio, 5 * np.sqrt(2 / 3), rtol=1e-4)


@pytest.mark.parametrize("dims", [2, 5])
@pytest.mark.parametrize("spread", [0.3, 40.0])
def test_corners_are_those_of_a_set(dims, spread):
    """Checksums tell coordinates apart, and equal coordinates get one number."""
    features = points(dims, 3000, spread)
    corners = corners_of(features)
    keys = corner_coordinates(features).reshape(-1, dims + 1)
    names, number = np.unique(keys, axis=0, return_inverse=True)
    found = np.asarray(corners.corner).T.reshape(-1)
    assert int(corners.count) == len(names)
    assert len({*zip(number.reshape(-1).tolist(), found.tolist(), strict=True)}) == len(
        names
    )


def slow_filter(features, values):
    """The same with a dictionary of corners, one direction after the other."""
    dims = features.shape[1]
    share, held = np.asarray(simplices(features)[2], np.float64), {}
    corners = corner_coordinates(features)
    for n, r in np.ndindex(share.shape):
        key = tuple(corners[n, r])
        held[key] = held.get(key, 0) + share[n, r] * values[n]
    for direction in range(dims + 1):
        step = -np.ones(dims + 1, int)
        step[direction] = dims

        def neighbor(key, sign, step=step, held=held):
            return held.get(tuple(np.add(key, sign * step)), 0)

        held = {
            key: value + 0.5 * (neighbor(key, 1) + neighbor(key, -1))
            for key, value in held.items()
        }
    read = [
        sum(share[n, r] * held[tuple(corners[n, r])] for r in range(dims + 1))
        for n in range(len(features))
    ]
    return np.array(read) / (1 + 2.0**-dims)


@pytest.mark.slow
@pytest.mark.parametrize("dims", [2, 5])
def test_filter_against_a_dictionary(dims):
    features = points(dims, 80, 0.8)
    values = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    corners = corners_of(features)
    expected = slow_filter(features, values)
    for capacity in (None, int(corners.count)):
        found, ahead = filtered(corners, values, capacity)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        linked = (np.asarray(ahead) < ahead.shape[1]).sum()
        assert linked > 20
    assert np.isnan(filtered(corners, values, int(corners.count) - 1)[0]).all()


@pytest.mark.slow
def test_row_sums_lie_below_the_exact_ones():
    """0.78 to 0.92 of the Gaussian's for deviation 1 in the plane."""
    row, column = np.mgrid[:20, :20]
    place = np.stack([column, row], -1).reshape(-1, 2).astype(np.float32)
    ones = np.ones((400, 1), np.float32)
    sums = np.asarray(filtered(corners_of(place), ones)[0]).reshape(20, 20)
    line = np.exp(-0.5 * (np.arange(20)[:, None] - np.arange(20)) ** 2).sum(1)
    ratio = sums / (line[:, None] * line)
    assert ratio.min() > 0.75 and ratio.max() < 0.95
    assert abs(ratio.mean() - 0.87) < 0.02
