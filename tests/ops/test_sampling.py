"""Samples between pixels, and deformable attention, against SciPy."""

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxseg.ops.sampling import corners, deformable_attention, sample

SIZES = ((5, 7), (3, 4), (1, 2))


def interpolated(image, points):
    """SciPy's samples of [h, w] at pairs (x, y), with zeros outside."""
    height, width = image.shape
    place = [points[:, 1] * height - 0.5, points[:, 0] * width - 0.5]
    return ndimage.map_coordinates(
        np.asarray(image, np.float64), place, order=1, mode="grid-constant"
    )


def draw(random, *shape):
    """Points of which about a third are outside of the map, and some on its border."""
    points = random.uniform(-0.3, 1.3, (*shape, 2)).astype(np.float32)
    points[..., :2, :] = [[0.0, 1.0], [-40.0, 3e9]]
    return points


def test_samples_equal_scipy_inside_and_outside():
    random = np.random.default_rng(0)
    maps = random.normal(size=(2, 5, 7, 3)).astype(np.float32)
    points = draw(random, 2, 40)
    expected = np.stack(
        [
            np.stack([interpolated(one[..., c], place) for c in range(3)], -1)
            for one, place in zip(maps, points, strict=True)
        ]
    )
    np.testing.assert_allclose(jax.jit(sample)(maps, points), expected, atol=1e-5)
    assert np.abs(expected).min(-1).min() == 0 and np.abs(expected).max() > 1


def test_weights_of_pixels_outside_are_zero():
    points = np.array([[0.5, 0.5], [0.0, 0.0], [2.0, 2.0]], np.float32)
    run = lambda points: sum(corner.weight for corner in corners(points, 4, 6))
    total = jax.jit(run)(points)
    np.testing.assert_allclose(total, [1, 0.25, 0], atol=1e-6)


def test_deformable_attention_and_its_gradient_equal_loops():
    random = np.random.default_rng(1)
    heads, depth, queries, points = 2, 3, 4, 5
    maps = [random.normal(size=(2, *s, heads, depth)).astype("f4") for s in SIZES]
    places = draw(random, 2, queries, heads, len(SIZES), points)
    weights = random.normal(size=places.shape[:-1]).astype(np.float32)
    expected = np.zeros((2, queries, heads, depth))
    for b, q, h, d in np.ndindex(expected.shape):
        for level, one in enumerate(maps):
            found = interpolated(one[b, :, :, h, d], places[b, q, h, level])
            expected[b, q, h, d] += found @ weights[b, q, h, level]

    def total(maps, places, weights):
        got = deformable_attention(maps, places, weights)
        return (got**2).sum(), got

    run = jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))
    (_, got), gradients = run(maps, places, weights)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    _, by_place, by_weight = jax.device_get(gradients)
    move = np.float32(1e-3)
    for gradient, which in ((by_place, 1), (by_weight, 2)):
        inputs = [maps, places.copy(), weights.copy()]
        index = (1, 2, 1, 0, 3) + ((0,) if which == 1 else ())
        values = []
        for sign in (1, -1):
            inputs[which] = [maps, places, weights][which].copy()
            inputs[which][index] += sign * move
            values.append(float(run(*inputs)[0][0]))
        slope = (values[0] - values[1]) / (2 * move)
        np.testing.assert_allclose(gradient[index], slope, rtol=2e-2, atol=5e-2)


def test_the_number_of_levels_is_checked():
    with pytest.raises(ValueError, match=r"len\(maps\)=1 is invalid: expected 3"):
        deformable_attention(
            [np.zeros((1, 2, 2, 1, 1))], np.zeros((1, 1, 1, 3, 1, 2)), np.zeros(1)
        )
