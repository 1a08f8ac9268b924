"""Confusion matrices of single images, and bootstrap intervals over images."""

import jax
import numpy as np
import pytest

from jaxseg.metrics import confusion, scores
from jaxseg.metrics.bootstrap import bootstrap
from jaxseg.metrics.image_counts import count_image, matrix_of


@pytest.fixture(scope="module")
def maps():
    """Labels and predictions of nine images; class 3 occurs in one image only."""
    random = np.random.default_rng(1)
    label = random.choice([0, 1, 2, 255], (9, 6, 5))
    prediction = np.where(random.random(label.shape) < 0.7, label % 255, 1)
    label[4, :2], prediction[4, 1:3] = 3, 3
    return prediction, label


@pytest.fixture(scope="module")
def images(maps):
    return [count_image(p, y, 4, 255) for p, y in zip(*maps, strict=True)]


def test_counts_are_those_of_the_confusion_matrix(maps, images):
    run = jax.jit(lambda prediction, label: confusion(prediction, label, 4))
    for prediction, label, one in zip(*maps, images, strict=True):
        expected = run(prediction, label)
        np.testing.assert_array_equal(matrix_of([one], 4), expected)
        assert (one.counts > 0).all()
    expected = run(*maps)
    np.testing.assert_array_equal(matrix_of(images, 4), expected)


@pytest.mark.parametrize(("label", "prediction"), [(4, 0), (-1, 0), (0, 4), (255, -1)])
def test_values_out_of_range_are_refused(label, prediction):
    with pytest.raises(ValueError, match=r"expected classes from 0 to 3"):
        count_image(np.array([prediction]), np.array([label]), 4, 255)


def slow_interval(maps, name, replicates, level):
    """Draws images, counts their pixels again, and sorts the scores by hand."""
    found = []
    for replicate in range(replicates):
        draws = np.random.default_rng((7, replicate)).integers(0, 9, 9)
        matrix = np.zeros((5, 4), int)
        for index in draws:
            for p, y in zip(maps[0][index].flat, maps[1][index].flat, strict=True):
                matrix[4 if y == 255 else y, p] += 1
        found.append(np.atleast_1d(scores(matrix)[name]))
    ends = []
    for column in np.transpose(found):
        known = sorted(value for value in column if value == value)
        for share in ((1 - level) / 2, (1 + level) / 2):
            place = share * (len(known) - 1)
            below = int(place)
            above = min(below + 1, len(known) - 1)
            step = known[above] - known[below]
            ends.append(known[below] + (place - below) * step)
    missing = np.isnan(found).sum(0)
    return np.reshape(ends, (-1, 2)), missing


@pytest.mark.parametrize("name", ["mean_iou", "pixel_accuracy", "iou"])
def test_intervals_are_those_of_a_slow_bootstrap(maps, images, name):
    found = bootstrap(images, 4, scores, replicates=60, seed=7, level=0.9)
    ends, missing = slow_interval(maps, name, 60, 0.9)
    pair = np.stack([np.atleast_1d(found.low[name]), np.atleast_1d(found.high[name])])
    np.testing.assert_allclose(pair.T, ends, rtol=1e-12)
    np.testing.assert_array_equal(np.atleast_1d(found.undefined[name]), missing)
    if name == "iou":
        assert 0 < missing[3] < 60 and not missing[:3].any()


def test_a_class_that_never_occurs_has_no_interval(images):
    found = bootstrap(images[:3], 4, scores, replicates=5)
    assert np.isnan(found.low["iou"][3]) and found.undefined["iou"][3] == 5
