"""Generalized energy distance against loops, closed forms and its conventions."""

import itertools

import jax
import numpy as np
import pytest

from jaxseg.metrics import ged as metric

energy_distance = jax.jit(metric.energy_distance, static_argnames="classes")
iou_distances = jax.jit(metric.iou_distances, static_argnames="classes")


def slow_distance(one, other, classes, void):
    """1 - mean IoU of two maps by sets of pixels; 0 where neither has a class."""
    known = (one != void) & (other != void)
    found = []
    for k in classes:
        here = set(np.flatnonzero((one == k) & known))
        there = set(np.flatnonzero((other == k) & known))
        if here | there:
            found.append(len(here & there) / len(here | there))
    return 1 - np.mean(found) if found else 0.0


def slow_ged(samples, raters, classes, void):
    mean = lambda a, b: np.mean(
        [slow_distance(x, y, classes, void) for x, y in itertools.product(a, b)]
    )
    return 2 * mean(samples, raters) - mean(samples, samples) - mean(raters, raters)


@pytest.mark.parametrize("classes", [(1,), (0, 1, 2), (1, 2, 7)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_loops_over_pairs(seed, classes):
    random = np.random.default_rng(seed)
    draw = lambda n: random.choice([0, 1, 2, 255], (n, 3, 4), p=(0.4, 0.3, 0.2, 0.1))
    samples, raters = draw(5), draw(3)
    samples[0], raters[1] = 0, 0
    expected = [[slow_distance(x, y, classes, 255) for y in raters] for x in samples]
    found = iou_distances(samples, raters, classes=classes)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    parts = energy_distance(samples, raters, classes=classes)
    wanted = slow_ged(samples, raters, classes, 255)
    np.testing.assert_allclose(parts["ged"], wanted, atol=1e-6)


def maps(*names):
    """Maps that share no pixel: "nothing", or one of four separate squares."""
    out = np.zeros((len(names), 4, 4), np.int32)
    for label, name in zip(out, names, strict=True):
        if name != "nothing":
            row, column = divmod("abcd".index(name), 2)
            label[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 1
    return out


def ged(samples, raters):
    return float(energy_distance(maps(*samples), maps(*raters), classes=(1,))["ged"])


def test_closed_form_of_separate_modes():
    """Where all modes are at distance 1, D^2 = sum over modes of (p - q)^2."""
    modes = ("a", "b", "c", "nothing")
    random = np.random.default_rng(0)
    for _ in range(5):
        samples, raters = random.choice(modes, 16), random.choice(modes, 4)
        p, q = (np.array([np.mean(x == m) for m in modes]) for x in (samples, raters))
        expected = ((p - q) ** 2).sum()
        assert ged(samples, raters) == pytest.approx(expected, abs=1e-5)


def test_equal_distributions_are_at_distance_0_and_opposite_ones_at_2():
    assert ged("abab", "ab") == pytest.approx(0, abs=1e-6)
    assert ged("a", "b") == pytest.approx(2)
    assert ged("aa", "ab") == pytest.approx(0.5)


def test_two_empty_maps_agree():
    empty, full = maps("nothing", "nothing"), maps("a")
    assert iou_distances(empty, empty, classes=(1,)).sum() == 0
    np.testing.assert_array_equal(iou_distances(empty, full, classes=(1,)), [[1], [1]])


def test_void_pixels_say_nothing():
    one, other = maps("a"), maps("b")
    other[0, :, 2:] = 255
    assert iou_distances(one, other, classes=(1,))[0, 0] == 1  # a is on known pixels
    one[0, :2, :2] = 255
    assert iou_distances(one, other, classes=(1,))[0, 0] == 0  # nothing is left


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="with other"):
        iou_distances(np.zeros((1, 2, 2)), np.zeros((1, 2, 3)), classes=(1,))
    with pytest.raises(ValueError, match="expected at least one class"):
        iou_distances(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), classes=())
