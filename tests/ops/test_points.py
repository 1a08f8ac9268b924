"""Farthest points, nearest neighbors and interpolation against slow definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops import points as operators

farthest_points = jax.jit(operators.farthest_points, static_argnames=("count", "start"))
nearest = jax.jit(operators.nearest, static_argnames=("k", "block"))
interpolate = jax.jit(operators.interpolate)


def cloud(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def slow_farthest(points, count, first):
    """The definition: the point whose nearest chosen point is farthest."""
    chosen = [first]
    while len(chosen) < count:
        gaps = np.square(points[:, None] - points[chosen][None]).sum(-1).min(1)
        chosen.append(int(gaps.argmax()))
    return chosen


def slow_nearest(query, points, k):
    """All distances, sorted; equal ones in the order of their numbers."""
    squared = np.square(query[:, None] - points[None]).sum(-1)
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(squared, order, 1)


@pytest.mark.parametrize("start", ["first", "outermost"])
def test_farthest_points_by_definition(start):
    points = cloud(2, 40, 3)
    found = np.asarray(farthest_points(points, 12, start=start))
    for row, chosen in zip(points, found, strict=True):
        outermost = np.square(row - row.mean(0)).sum(-1).argmax()
        first = 0 if start == "first" else int(outermost)
        assert chosen.tolist() == slow_farthest(row, 12, first)


def test_farthest_points_on_a_line():
    line = np.array([0, 1, 2, 10], np.float32)
    points = np.stack([line, 0 * line, 0 * line], -1)[None]
    assert farthest_points(points, 3, start="first").tolist() == [[0, 3, 2]]
    assert farthest_points(points, 3).tolist() == [[3, 0, 2]]


def test_all_points_are_a_permutation_even_where_they_coincide():
    points = np.repeat(cloud(1, 10, 3), 3, axis=1)
    assert sorted(farthest_points(points, 30).tolist()[0]) == list(range(30))


def test_nearest_by_definition_and_in_blocks():
    query, points = cloud(2, 23, 3), cloud(2, 57, 3, seed=1)
    index, squared = map(np.asarray, nearest(query, points, 6))
    for b in range(2):
        order, expected = slow_nearest(query[b], points[b], 6)
        np.testing.assert_array_equal(index[b], order)
        np.testing.assert_allclose(squared[b], expected, rtol=1e-5)
    for block in (1, 5, 23, 100):
        blocked = nearest(query, points, 6, block=block)
        np.testing.assert_array_equal(blocked[0], index)
        np.testing.assert_allclose(blocked[1], squared, rtol=1e-6)


def test_equally_near_points_come_in_the_order_of_their_numbers():
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 2), -1).reshape(-1, 2)
    points = np.pad(grid, ((0, 0), (0, 1))).astype(np.float32)
    index, _ = nearest(points[None], points[None], 9, block=3)
    order, _ = slow_nearest(points, points, 9)
    np.testing.assert_array_equal(np.asarray(index)[0], order)


def test_padding_is_never_chosen():
    points = np.array(cloud(1, 20, 3))
    mask = np.arange(20)[None] < 13
    filled = np.where(mask[..., None], points, 1e3)  # far out, and very near below
    whole = points[:, :13]
    kept = farthest_points(filled, 7, mask)
    np.testing.assert_array_equal(kept, farthest_points(whole, 7))
    near = np.where(mask[..., None], points, points[:, :1])
    index, squared = map(np.asarray, nearest(whole, near, 15, mask))
    expected, distance = nearest(whole, whole, 13)
    np.testing.assert_array_equal(index[..., :13], expected)
    np.testing.assert_allclose(squared[..., :13], distance, rtol=1e-6)
    assert np.isinf(squared[..., 13:]).all()


def test_more_neighbors_than_points():
    points = cloud(1, 3, 3)
    index, squared = map(np.asarray, nearest(points, points, 5))
    assert index.shape == squared.shape == (1, 3, 5)
    assert np.isfinite(squared[..., :3]).all() and np.isinf(squared[..., 3:]).all()


def test_interpolation_by_definition():
    fine, coarse, values = cloud(1, 9, 3), cloud(1, 6, 3, seed=1), cloud(1, 6, 4)
    index, squared = nearest(fine, coarse, 3)
    found = np.asarray(interpolate(values, index, squared))
    for i in range(9):
        order, distance = slow_nearest(fine[0, i : i + 1], coarse[0], 3)
        weight = 1 / np.sqrt(distance[0])
        expected = (weight[:, None] * values[0, order[0]]).sum(0) / weight.sum()
        np.testing.assert_allclose(found[0, i], expected, rtol=1e-4, atol=1e-5)


def test_interpolation_at_a_coarse_point_and_without_any():
    points, values = cloud(1, 8, 3), cloud(1, 8, 2)
    found = interpolate(values, *nearest(points, points, 3))
    np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)
    nobody = nearest(points, points, 3, np.zeros((1, 8), bool))
    assert not np.asarray(interpolate(values, *nobody)).any()


def largest(jaxpr):
    """Elements of the largest array that any equation makes, inner ones included."""
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [v.aval.size for v in equation.outvars]
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                sizes.append(largest(inner))
    return max(sizes)


def test_large_clouds_need_no_square_matrix():
    """40,960 points: 1.7e9 distances in all, at most 2^24 x 3 differences at a time."""
    points = jax.ShapeDtypeStruct((1, 40_960, 3), jnp.float32)
    search = jax.make_jaxpr(lambda p: nearest(p, p, 16))(points)
    assert largest(search.jaxpr) <= 3 * 2**24
    sample = jax.make_jaxpr(lambda p: farthest_points(p, 10_240))(points)
    assert largest(sample.jaxpr) <= 3 * 40_960
    small = jax.make_jaxpr(lambda p: nearest(p, p, 16, block=40_960))(points)
    assert largest(small.jaxpr) >= 40_960**2  # the measure sees a square matrix


def test_compiled_search_holds_one_block():
    points = jax.ShapeDtypeStruct((1, 8192, 3), jnp.float32)
    run = jax.jit(lambda p: nearest(p, p, 8, block=64))
    memory = run.lower(points).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 8192**2  # a quarter of the matrix in bytes


def test_gather_takes_rows():
    values, index = cloud(2, 7, 3), np.array([[[0, 6]], [[3, 3]]])
    found = np.asarray(jax.jit(operators.gather)(values, index))
    assert found.shape == (2, 1, 2, 3)
    np.testing.assert_array_equal(found[1, 0, 1], values[1, 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: farthest_points(p, 0), "count=0 is invalid: expected 1 to 5"),
        (lambda p: farthest_points(p, 6), "count=6 is invalid"),
        (lambda p: farthest_points(p, 2, start="last"), "start='last' is invalid"),
        (lambda p: nearest(p, p, 0), "k=0"),
        (lambda p: nearest(p, p, 1, block=0), "block=0 is invalid"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(cloud(1, 5, 3))
