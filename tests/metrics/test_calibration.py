"""Calibration scores against second implementations, and the scaling of logits."""

import importlib.util

import numpy as np
import pytest

from jaxseg.bench.pytorch import torchvision
from jaxseg.metrics.calibration import (
    calibration,
    count_image,
    fit_scaling,
    total,
)
from jaxseg.metrics.calibration.fitting import log_loss

RNG = np.random.default_rng(0)


def softmax(logits):
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


def drawn(count=3000, classes=4, sharp=2.0):
    """Logits whose softmax is too sharp by a factor, with labels drawn without it."""
    logits = RNG.normal(0, 1.5, (count, classes))
    label = np.array([RNG.choice(classes, p=p) for p in softmax(logits)])
    return sharp * logits, label


def slow_error(confidence, right, bins):
    """The expected calibration error by a loop over equal bins."""
    found, edges = 0.0, np.arange(1, bins) / bins
    place = np.searchsorted(edges, confidence, side="right")
    for i in range(bins):
        inside = place == i
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            found += inside.mean() * gap
    return found


def slow_adaptive(confidence, right, bins):
    order = np.argsort(confidence)
    parts = np.array_split(order, bins)
    gaps = [abs(right[p].mean() - confidence[p].mean()) * len(p) for p in parts]
    return sum(gaps) / len(order)


@pytest.fixture(scope="module")
def example():
    logits, label = drawn()
    return softmax(logits).astype(np.float32), label


def test_scores_equal_slow_forms(example):
    p, label = example
    found = calibration(count_image(p, label, bins=10))
    confidence, right = p.max(-1).astype(np.float64), p.argmax(-1) == label
    assert found.predictions == len(label)
    assert found.expected_error == pytest.approx(slow_error(confidence, right, 10))
    each = [slow_error(p[:, k].astype(float), label == k, 10) for k in range(4)]
    np.testing.assert_allclose(found.class_errors, each)
    assert found.classwise_error == pytest.approx(np.mean(each))
    expected = slow_adaptive(confidence, right, 10)
    assert found.adaptive_error == pytest.approx(expected, abs=1e-3)
    own = p[np.arange(len(label)), label].astype(np.float64)
    assert found.log_loss == pytest.approx(-np.log(own).mean())
    target = np.eye(4)[label]
    assert found.brier == pytest.approx(((p - target) ** 2).sum(-1).mean(), rel=1e-6)
    assert found.expected_error > 0.05


def test_scores_do_not_depend_on_the_division_into_images(example):
    p, label = example
    whole = count_image(p, label)
    parts = [count_image(p[i::7], label[i::7]) for i in range(7)]
    joined = total(parts)
    for one, other in zip(whole, joined, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert calibration(whole).expected_error == pytest.approx(
        calibration(joined).expected_error, abs=1e-15
    )
    with pytest.raises(ValueError, match="images="):
        total([])


def test_an_image_without_labels_adds_nothing(example):
    p, label = example
    empty = count_image(p[:0], label[:0])
    assert np.isnan(calibration(empty).expected_error)
    assert np.isnan(calibration(empty).brier)
    before = calibration(count_image(p, label))
    after = calibration(total([empty, count_image(p, label)]))
    assert after.expected_error == before.expected_error


def test_bins_of_equal_mass_divide_equal_confidences_in_proportion():
    """Three quarters of the predictions have confidence 1, so a border divides them."""
    confidence = np.array([0.5, 1.0, 1.0, 1.0] * 25)
    p = np.stack([confidence, 1 - confidence], -1)
    label = np.array([1, 0, 0, 1] * 25)
    found = calibration(count_image(p, label, bins=2))
    # First half: 25 x 0.5 (never right) and 25 x 1 (two thirds right).
    first = abs((0 + 25 * 2 / 3) - (12.5 + 25))
    second = abs(50 * 2 / 3 - 50)
    assert found.adaptive_error == pytest.approx((first + second) / 100)


def test_overlapping_classes_are_decisions_of_their_own():
    p = RNG.uniform(size=(500, 3))
    label = (RNG.uniform(size=(500, 3)) < p**2).astype(np.uint8)
    found = calibration(count_image(p, label, bins=10))
    confidence, right = np.maximum(p, 1 - p), (p > 0.5) == label
    expected = slow_error(confidence.ravel(), right.ravel(), 10)
    assert found.predictions == 1500
    assert found.expected_error == pytest.approx(expected)
    assert found.brier == pytest.approx(((p - label) ** 2).mean())
    own = np.where(label, p, 1 - p)
    assert found.log_loss == pytest.approx(-np.log(own).mean())


@pytest.mark.slow
def test_scores_equal_those_of_other_libraries(example):
    sklearn = pytest.importorskip("sklearn.metrics")
    p, label = example
    p = p / p.sum(-1, keepdims=True)
    found = calibration(count_image(p, label))
    ours = sklearn.log_loss(label, p)
    assert found.log_loss == pytest.approx(ours, rel=1e-5)
    brier = sklearn.brier_score_loss(label, p, scale_by_half=False)
    assert found.brier == pytest.approx(brier, rel=1e-5)


@pytest.mark.slow
def test_errors_equal_those_of_torchmetrics(example):
    torch = pytest.importorskip("torch")
    if importlib.util.find_spec("torchvision"):
        torchvision()  # torchmetrics imports it, which fails for some builds.
    metrics = pytest.importorskip("torchmetrics.classification")
    p, label = example
    found = calibration(count_image(p, label))
    for norm, ours in (("l1", found.expected_error), ("max", found.largest_error)):
        metric = metrics.MulticlassCalibrationError(4, n_bins=15, norm=norm)
        expected = float(metric(torch.tensor(p), torch.tensor(label)))
        assert ours == pytest.approx(expected, abs=1e-5)


def test_the_temperature_is_recovered():
    logits, label = drawn(8000, sharp=2.0)
    found = fit_scaling(logits, label)
    assert 1 / found.weight[0] == pytest.approx(2.0, rel=0.06)
    assert fit_scaling(logits, label) == found
    before = log_loss(logits, label)[0]
    grid = [log_loss(logits / t, label)[0] for t in np.linspace(0.5, 4, 200)]
    best = log_loss(logits * found.weight[0], label)[0]
    assert best <= min(grid) < before


def test_vector_scaling_recovers_factors_and_summands():
    logits = RNG.normal(0, 1.5, (20000, 3))
    weight, bias = np.array([0.5, 1.0, 1.5]), np.array([0.6, -0.4, -0.2])
    p = softmax(weight * logits + bias)
    label = (p.cumsum(-1) > RNG.uniform(size=(20000, 1))).argmax(-1)
    found = fit_scaling(logits, label, "vector")
    np.testing.assert_allclose(found.weight, weight, atol=0.08)
    np.testing.assert_allclose(found.bias, bias, atol=0.08)


@pytest.mark.parametrize("method", ["temperature", "vector"])
def test_sigmoids_are_scaled_as_well(method):
    logits = RNG.normal(0, 1, (20000, 2))
    p = 1 / (1 + np.exp(-0.5 * logits))
    label = (RNG.uniform(size=p.shape) < p).astype(np.int64)
    found = fit_scaling(logits, label, method)
    np.testing.assert_allclose(found.weight, 0.5, atol=0.05)
    np.testing.assert_allclose(found.bias, 0, atol=0.05)


def test_the_gradient_is_that_of_the_loss():
    for label in (np.array([0, 2, 1]), np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]])):
        logits = RNG.normal(size=(3, 3))
        _, slope = log_loss(logits, label)
        step = np.zeros((3, 3))
        step[1, 2] = 1e-6
        high, low = (log_loss(logits + s, label)[0] for s in (step, -step))
        assert slope[1, 2] == pytest.approx((high - low) / 2e-6, rel=1e-5)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="method='matrix'"):
        fit_scaling(np.zeros((2, 3)), np.zeros(2, int), "matrix")
    with pytest.raises(ValueError, match="at least one labeled pixel"):
        fit_scaling(np.zeros((0, 3)), np.zeros(0, int))
