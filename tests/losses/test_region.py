"""Dice, Jaccard, Tversky and Lovasz against slow forms and hand-made values."""

import itertools

import jax
import numpy as np
import pytest

from jaxseg.losses import dice, jaccard, lovasz_softmax, tversky, weighted_mean


def by_class(probability, label, per_image, classes, score):
    """Mean of score(p, y) over classes in an image (or the batch), then images."""
    images = range(len(label)) if per_image else [slice(None)]
    means = []
    for image in images:
        known = label[image] != 255
        y, p = label[image][known], probability[image][known]
        chosen = range(p.shape[-1]) if classes == "all" else np.unique(y)
        means.append(np.mean([score(p[:, k], y == k) for k in chosen]))
    return np.mean(means)


def dice_score(p, y):
    return 1 - (2 * p[y].sum() + 1) / (p.sum() + y.sum() + 1)


def jaccard_score(p, y):
    return 1 - (p[y].sum() + 1) / (p.sum() + y.sum() - p[y].sum() + 1)


def tversky_score(p, y):
    hit = p[y].sum()
    wrong = 0.3 * p[~y].sum() + 0.7 * (1 - p[y]).sum()
    return (1 - (hit + 1) / (hit + wrong + 1)) ** 0.75


def lovasz_score(p, y):
    """Area under the Jaccard loss of {errors > t} over thresholds t: the definition."""
    error = np.where(y, 1 - p, p)
    levels = np.concatenate([[0], np.sort(error)])
    area = 0.0
    for low, high in itertools.pairwise(levels):
        wrong = error > low
        union = (y | wrong).sum()
        area += (high - low) * (wrong.sum() / union if union else 0.0)
    return area


CASES = {
    "dice": (dice, {}, dice_score),
    "jaccard": (jaccard, {}, jaccard_score),
    "tversky": (tversky, {"gamma": 0.75}, tversky_score),
    "lovasz": (lovasz_softmax, {}, lovasz_score),
}


@pytest.mark.parametrize("classes", ["present", "all"])
@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_slow_form(example, same_as, name, per_image, classes):
    function, options, score = CASES[name]

    def loss(z, label):
        return function(z, label, per_image=per_image, classes=classes, **options)

    def slow(p, label):
        return by_class(p, label, per_image, classes, score)

    same_as(loss, slow, *example)


def test_shapes(example):
    def shape(loss, **options):
        return jax.eval_shape(lambda *x: loss(*x, **options), *example)[0].shape

    assert shape(dice) == (2, 3)
    assert shape(dice, per_image=False) == (3,)
    assert shape(lovasz_softmax) == (3,)
    assert shape(lovasz_softmax, per_image=True) == (2, 3)


@pytest.mark.slow
def test_hand_made_overlaps():
    """Four pixels, class 1 on two, certain predictions, three of them right."""
    guess, label = np.array([[[1, 0, 0, 0]]]), np.array([[[1, 1, 0, 0]]])
    logits = 200 * np.eye(2, dtype=np.float32)[guess]

    @jax.jit
    def values(z):
        regions = [loss(z, label, smooth=0.0)[0][0] for loss in (dice, jaccard)]
        return *regions, lovasz_softmax(z, label)[0]

    # Class 0: I 2, P 3, N 2; class 1: I 1, P 1, N 2.
    by_dice, by_jaccard, lovasz = values(logits)
    np.testing.assert_allclose(by_dice, [1 - 4 / 5, 1 - 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(by_jaccard, [1 - 2 / 3, 1 - 1 / 2], rtol=1e-6)
    np.testing.assert_allclose(lovasz, [1 / 3, 1 / 2], rtol=1e-6)


def test_tversky_contains_dice_and_jaccard(example):
    @jax.jit
    def run(*example):
        half = tversky(*example, alpha=0.5, beta=0.5, smooth=0.5)[0]
        one = tversky(*example, alpha=1.0, beta=1.0)[0]
        return half, dice(*example)[0], one, jaccard(*example)[0]

    half, by_dice, one, by_jaccard = run(*example)
    np.testing.assert_allclose(half, by_dice, rtol=1e-5)
    np.testing.assert_allclose(one, by_jaccard, rtol=1e-5)


def test_each_image_counts_once():
    """Image 0 holds one class, image 1 two: the mean is over images, not classes."""
    label = np.array([[[0, 0]], [[0, 1]]])
    logits = np.zeros((2, 1, 2, 2), np.float32)

    @jax.jit
    def run(z):
        value, weight = dice(z, label, smooth=0.0)
        return weighted_mean(value, weight), weight

    mean, weight = run(logits)
    # Image 0: 1 - 2/3; image 1: 1 - 1/2 for both classes.
    np.testing.assert_allclose(mean, (1 / 3 + 1 / 2) / 2, rtol=1e-6)
    np.testing.assert_allclose(weight, [[1, 0], [0.5, 0.5]])


def test_unknown_classes_option_is_named(example):
    with pytest.raises(ValueError, match="classes='some' is invalid"):
        dice(*example, classes="some")
