"""Scores at boundaries against distances of all pairs of pixels, and their rules."""

import math

import numpy as np
import pytest

from jaxseg.metrics import boundary, scores
from jaxseg.metrics.boundary import class_values
from tests.metrics.maps import VOID, random_pairs

CLASSES = 4


def pair(prediction, label, num_classes=CLASSES):
    return boundary.label_pair(
        np.array(prediction), np.array(label), num_classes=num_classes
    )


def edge_points(mask):
    """Pixels of a mask with one of four neighbors outside of it, one by one."""
    there = set(map(tuple, np.argwhere(mask)))
    return np.array(
        [
            (y, x)
            for y, x in sorted(there)
            if {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} - there
        ]
    ).reshape(-1, 2)


def gaps(points, others, spacing):
    """The smallest distance from each point to the others, from all pairs."""
    if not len(others):
        return np.full(len(points), np.inf)
    steps = (points[:, None] - others[None]) * spacing
    return np.sqrt((steps**2).sum(-1)).min(1)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.5, 0.5)])
def test_distances_are_those_of_all_pairs(spacing):
    for prediction, label in random_pairs(12, CLASSES):
        known = label != VOID
        found = dict(boundary.class_distances(pair(prediction, label), spacing))
        for k in range(CLASSES):
            mine, theirs = (edge_points((m == k) & known) for m in (prediction, label))
            if not len(mine) + len(theirs):
                assert k not in found
                continue
            for got, want in (
                (found[k].predicted, gaps(mine, theirs, spacing)),
                (found[k].true, gaps(theirs, mine, spacing)),
            ):
                np.testing.assert_allclose(np.sort(got), np.sort(want), rtol=1e-12)


@pytest.mark.parametrize("around", ["boundary", "void"])
def test_bands_are_those_of_all_pairs(around):
    for prediction, label in random_pairs(8, CLASSES):
        if around == "boundary":
            padded = np.pad(label.astype(int), 1, mode="edge")
            center = np.zeros(label.shape, bool)
            for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
                moved = padded[y : y + label.shape[0], x : x + label.shape[1]]
                center |= moved != label
        else:
            center = label == VOID
        points = np.argwhere(np.ones(label.shape, bool))
        gap = gaps(points, np.argwhere(center), 1).reshape(label.shape)
        counts = boundary.band_counts(pair(prediction, label), widest=6, around=around)
        for width in (1, 2, 6):
            near = gap < width if around == "boundary" else gap <= width
            near &= label != VOID
            matrix = np.zeros((CLASSES + 1, CLASSES), int)
            np.add.at(matrix, (label[near], prediction[near]), 1)
            want = scores(matrix)["mean_iou"]
            got = boundary.trimap_scores([counts], CLASSES)["trimap_iou"][width - 1]
            assert got == pytest.approx(want, nan_ok=True)


def test_the_widest_band_is_the_whole_image():
    """The IoU in a band that contains all pixels is the IoU of the matrix."""
    pairs = list(random_pairs(10, CLASSES))
    matrix = np.zeros((CLASSES + 1, CLASSES), int)
    images = []
    for prediction, label in pairs:
        known = label != VOID
        if len(np.unique(label)) > 1:  # A constant map has no boundary.
            np.add.at(matrix, (label[known], prediction[known]), 1)
        images.append(boundary.band_counts(pair(prediction, label), widest=60))
    got = boundary.trimap_scores(images, CLASSES)["trimap_iou"][-1]
    assert got == pytest.approx(scores(matrix)["mean_iou"])


def test_a_disc_that_is_moved_by_three_pixels():
    rows, columns = np.mgrid[:40, :60]
    disc = (rows - 20) ** 2 + (columns - 25) ** 2 <= 100
    moved = np.roll(disc, 3, axis=1)
    found = boundary.boundary_distances(moved, disc)
    assert found.hausdorff() == 3
    assert found.normalized(3) == 1 and found.f1(3) < 1
    assert found.f1(3.1) == 1
    tall = boundary.boundary_distances(moved, disc, spacing=(1, 2))
    assert tall.hausdorff() > 3
    assert 0 < boundary.boundary_distances(disc, disc).f1(1) == 1


def test_empty_and_absent_masks():
    empty, full = np.zeros((5, 6), bool), np.ones((5, 6), bool)
    nothing = boundary.boundary_distances(empty, empty)
    one = boundary.boundary_distances(full, empty)
    for name in ("hausdorff", "average"):
        assert math.isnan(getattr(nothing, name)()) and math.isnan(getattr(one, name)())
    assert math.isnan(nothing.f1(2)) and math.isnan(nothing.normalized(2))
    assert one.f1(2) == 0 and one.normalized(2) == 0
    assert not one.is_defined


def test_void_pixels_count_nowhere():
    """What is predicted at void pixels changes no score."""
    random = np.random.default_rng(0)
    for prediction, label in random_pairs(6, CLASSES):
        other = np.where(
            label == VOID, random.integers(0, CLASSES, label.shape), prediction
        )
        one, two = (pair(p, label) for p in (prediction, other))
        for count in (boundary.band_counts, boundary.inner_boundary_counts):
            for a, b in zip(count(one), count(two), strict=True):
                np.testing.assert_array_equal(a, b)
        for a, b in zip(
            boundary.class_distances(one), boundary.class_distances(two), strict=True
        ):
            np.testing.assert_array_equal(a[1].predicted, b[1].predicted)


def test_all_void_has_no_scores():
    image = pair(np.zeros((8, 9), int), np.full((8, 9), VOID))
    assert image.classes.size == 0
    values = class_values.surface_values(boundary.class_distances(image))
    found = class_values.mean_values([values], CLASSES)
    assert math.isnan(found["hausdorff"])
    assert np.isnan(found["hausdorff_per_class"]).all()
    inner = boundary.boundary_iou_scores(
        [boundary.inner_boundary_counts(image)], CLASSES
    )
    assert math.isnan(inner["boundary_iou"])
    bands = boundary.trimap_scores([boundary.band_counts(image)], CLASSES)
    assert np.isnan(bands["trimap_iou"]).all()


def test_images_and_classes_are_averaged_in_this_order():
    """An image counts as much as another, whatever the number of its classes."""
    values = [
        class_values.ClassValues(np.array([0, 1]), {"x": np.array([1.0, 0.0])}),
        class_values.ClassValues(np.array([1]), {"x": np.array([1.0])}),
        class_values.ClassValues(np.array([2]), {"x": np.array([np.nan])}),
    ]
    found = class_values.mean_values(values, 4)
    assert found["x"] == 0.75
    np.testing.assert_array_equal(found["x_per_class"], [1, 0.5, np.nan, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair([[0, 4]], [[0, 1]]), "prediction with values from 0 to 4"),
        (lambda: pair([[0, 1]], [[0, 9]]), "label with values from 0 to 9"),
        (lambda: pair([[0, 1]], [[0]]), r"expected \(1, 1\), the shape of the label"),
        (
            lambda: boundary.band_counts(pair([[0]], [[0]]), widest=0),
            "expected widest >= 1",
        ),
        (
            lambda: boundary.inner_boundary_counts(pair([[0]], [[0]]), ratio=0),
            "ratio=0 is invalid",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
