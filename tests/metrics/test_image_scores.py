"""Scores per image, by size, of categories and over thresholds, counted by hand."""

import math

import numpy as np
import pytest

from jaxseg.metrics import boundary
from jaxseg.metrics.agreement import agreement_scores
from jaxseg.metrics.category import category_scores
from jaxseg.metrics.object_size import object_counts, object_size_scores
from jaxseg.metrics.per_image import class_counts, per_image_scores
from jaxseg.metrics.threshold_curves import (
    BINS,
    bin_counts,
    probability_bins,
    threshold_scores,
)


def pair(prediction, label, num_classes):
    return boundary.label_pair(
        np.array(prediction), np.array(label), num_classes=num_classes
    )


def test_each_image_counts_equally():
    large = pair([[0] * 6, [1] * 6], [[0] * 6, [0] * 6], 3)
    small = pair([[1, 255 % 3]], [[1, 255]], 3)
    found = per_image_scores([class_counts(large), class_counts(small)], 3)
    assert found["image_iou"] == ((6 / 12 + 0) / 2 + 1) / 2
    assert found["image_dice"] == ((12 / 18 + 0) / 2 + 1) / 2
    np.testing.assert_array_equal(found["image_iou_per_class"], [0.5, 0.5, np.nan])


def test_objects_are_counted_by_their_size():
    """A square of 10, one of 40 that void divides, one of 100 pixels a side."""
    label = np.zeros((160, 160), int)
    label[:10, :10] = 1
    label[20:60, :40] = 1
    label[40, :40] = 255  # two objects of 20 x 40 and 19 x 40 pixels
    label[60:160, 60:160] = 1
    prediction = label.copy()
    prediction[:6, :10] = 0
    prediction[label == 255] = 1
    prediction[60:90, 60:160] = 0
    counts = object_counts(pair(prediction, label, 2))
    found = object_size_scores([counts, counts], 2)
    # The background is one large object.
    assert [found[f"objects_{s}"] for s in ("small", "medium", "large")] == [6, 0, 4]
    assert found["found_small"] == 2 / 3 and found["found_large"] == 1
    small = 20 * 40 + 19 * 40
    assert found["recall_small"] == pytest.approx((40 + small) / (100 + small))
    assert found["recall_large_per_class"].tolist() == [1, 0.7]
    assert math.isnan(found["recall_medium"])


def test_two_corners_that_touch_are_two_objects():
    label = np.array([[1, 0], [0, 1]])
    found = object_counts(pair(label, label, 2)).counts
    assert found[:, 0, 0].tolist() == [2, 2]


def test_kappa_of_agreement_by_chance_is_zero():
    matrix = np.array([[4, 4], [4, 4], [7, 0]])
    found = agreement_scores(matrix)
    assert found["cohen_kappa"] == 0 and found["specificity"] == 0.5
    assert agreement_scores(np.array([[4, 0], [0, 4], [0, 0]]))["cohen_kappa"] == 1


def test_large_counts_do_not_overflow():
    matrix = np.array([[10**12, 0], [0, 10**12], [0, 0]])
    assert agreement_scores(matrix)["cohen_kappa"] == 1


def test_undefined_agreement():
    found = agreement_scores(np.array([[5, 0], [0, 0], [3, 3]]))
    assert math.isnan(found["cohen_kappa"])  # Chance agrees as well.
    assert np.isnan(found["specificity_per_class"]).all()


def test_a_confusion_within_a_category_is_no_error():
    matrix = np.array([[0, 5, 0], [5, 0, 0], [1, 0, 3], [9, 9, 9]])
    found = category_scores(matrix, {"vehicle": (0, 1), "sky": (2,)})
    assert found["category_iou/vehicle"] == 10 / 11
    assert found["category_iou/sky"] == 3 / 4
    assert found["category_iou"] == (10 / 11 + 3 / 4) / 2
    with pytest.raises(ValueError, match="expected each class from 0 to 2 once"):
        category_scores(matrix, {"vehicle": (0, 1)})


def test_bins_are_ordered_and_narrow():
    random = np.random.default_rng(0)
    logits = np.sort(random.normal(0, 6, 5000)).astype(np.float32)
    probability = 1 / (1 + np.exp(-logits))
    number = probability_bins(probability)
    assert (np.diff(number) >= 0).all() and 0 <= number.min() <= number.max() < BINS
    for values in (probability[probability < 0.5], 1 - probability[probability >= 0.5]):
        bins = probability_bins(values)
        for one in np.unique(bins):
            inside = values[bins == one]
            assert inside.max() <= inside.min() * (1 + 2**-8)


def test_the_area_is_the_probability_of_the_right_order():
    probability = np.float32([[0.1, 0.4, 0.4, 0.9, 0.2]])
    label = np.array([[0, 0, 1, 1, 255]])
    found = threshold_scores([bin_counts(probability, label)])
    assert found["roc_auc"] == (1 + 1 + 1 + 0.5) / 4
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["precision_curve"][[0, 50, 51, 100]] == pytest.approx(
        [1, 1, 2 / 3, 2 / 3]
    )
    assert found["roc_curve"][[0, 50, 100]].tolist() == [0.5, 1, 1]


def test_one_class_has_no_curve():
    found = threshold_scores([bin_counts(np.float32([[0.5]]), np.array([[1]]))])
    assert math.isnan(found["roc_auc"]) and np.isnan(found["precision_curve"]).all()
    with pytest.raises(ValueError, match="with the values 0, 1 and 255"):
        bin_counts(np.float32([[0.5]]), np.array([[2]]))
