"""The loss of Mask2Former against loops in NumPy, with an assignment by trial."""

import functools
import itertools

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxseg.losses import mask_classification, weighted_mean
from jaxseg.losses.mask_points import point_keys, uncertain_points, uniform_points
from jaxseg.losses.matching import match

VOID, CLASSES, QUERIES, LAYERS, POINTS = 255, 3, 4, 2, 50
LABEL = np.full((3, 8, 10), VOID, np.int32)  # the second image is all void
LABEL[0, :, :6] = 0
LABEL[0, 3:, 2:9] = 2
LABEL[2, :5] = 1
LABEL[2, 5:, 4:] = 0


def draw(seed=0):
    random = np.random.default_rng(seed)
    classes = random.normal(size=(3, LAYERS, QUERIES, CLASSES + 1))
    masks = 2 * random.normal(size=(3, LAYERS, 4, 5, QUERIES))
    return classes.astype(np.float32), masks.astype(np.float32)


@functools.partial(jax.jit, static_argnames="void")
def loss(classes, masks, label=LABEL, void=VOID):
    logits = np.zeros((*label.shape, CLASSES), np.float32)
    return mask_classification(
        logits,
        label,
        query_classes=classes,
        query_masks=masks,
        points=POINTS,
        step=7,
        void=void,
    )


def sampled(mask, points):
    height, width = mask.shape
    place = [points[:, 1] * height - 0.5, points[:, 0] * width - 0.5]
    return ndimage.map_coordinates(
        np.asarray(mask, np.float64), place, order=1, mode="grid-constant"
    )


def entropy_and_dice(logits, label, k, points):
    """Binary cross entropy and Dice at points that do not touch void."""
    known = sampled(label == VOID, points) == 0
    truth, z = sampled(label == k, points)[known], sampled(logits, points)[known]
    odds = 1 / (1 + np.exp(-z))
    entropy = -(truth * np.log(odds) + (1 - truth) * np.log(1 - odds)).mean()
    sizes = odds.sum() + truth.sum()
    return entropy, 1 - (2 * (odds * truth).sum() + 1) / (sizes + 1)


def cheapest(costs, trials, present):
    """The assignment with the smallest sum of costs."""
    total = lambda trial: sum(costs[q, k] for q, k in zip(trial, present, strict=True))
    return min(trials, key=total)


def reference(classes, masks):
    """The loss by its definition: trial of all assignments, one mask at a time."""
    chosen = int(0.75 * POINTS)
    shapes = (POINTS,), (CLASSES, 3 * POINTS), (CLASSES, POINTS - chosen)

    @jax.jit
    def draws():
        return [
            [uniform_points(keys[:, i], shape) for i, shape in enumerate(shapes)]
            for keys in point_keys(7, np.arange(3), LAYERS)
        ]

    drawn = jax.device_get(draws())
    odds = np.exp(classes) / np.exp(classes).sum(-1, keepdims=True)
    pairs = sum(len(set(np.unique(one)) - {VOID}) for one in LABEL)
    total = 0.0
    for layer in range(LAYERS):
        uniform, candidates, rest = drawn[layer]
        weighted, weights = 0.0, 0.0
        for i in (0, 2):
            present = sorted(set(np.unique(LABEL[i])) - {VOID})
            one = masks[i, layer]
            costs = {
                (q, k): 5 * sum(entropy_and_dice(one[..., q], LABEL[i], k, uniform[i]))
                - 2 * odds[i, layer, q, k]
                for q in range(QUERIES)
                for k in present
            }
            trials = itertools.permutations(range(QUERIES), len(present))
            best = cheapest(costs, trials, present)
            truth = np.full(QUERIES, CLASSES)
            for q, k in zip(best, present, strict=True):
                truth[q] = k
                near = np.argsort(np.abs(sampled(one[..., q], candidates[i, k])))
                points = [candidates[i, k][near[:chosen]], rest[i, k]]
                found = entropy_and_dice(
                    one[..., q], LABEL[i], k, np.concatenate(points)
                )
                total += 5 * sum(found) / pairs
            weight = np.where(truth == CLASSES, 0.1, 1)
            weights += weight.sum()
            weighted -= (weight * np.log(odds[i, layer, range(QUERIES), truth])).sum()
        total += 2 * weighted / weights
    return total


def test_it_equals_loops():
    classes, masks = draw()
    value, weight = loss(classes, masks)
    assert value.shape == (3,) and value.dtype == np.float32
    np.testing.assert_array_equal(weight, [1, 0, 1])
    got = jax.jit(weighted_mean)(value, weight)
    np.testing.assert_allclose(got, reference(classes, masks), rtol=1e-5)


def test_a_few_steps_down_the_gradient_lower_it():
    """The gradient is finite, 0 for the void image, and leads downwards."""
    mean = lambda pair: weighted_mean(*loss(*pair))
    step = jax.jit(jax.value_and_grad(mean))
    pair, values = draw(1), []
    for _ in range(8):
        value, gradient = step(pair)
        values.append(float(value))
        pair = jax.tree.map(lambda x, g: x - 2 * g, pair, gradient)
    for part in gradient:
        assert np.isfinite(part).all() and np.abs(part[0]).max() > 0
        np.testing.assert_array_equal(part[1], 0)
    assert values[-1] < 0.75 * values[0], values


def test_void_and_invalid_labels():
    classes, masks = draw()
    value, weight = loss(classes, masks, np.full_like(LABEL, VOID))
    assert not np.any(value) and not np.any(weight)
    moved = np.where(LABEL == VOID, 9, LABEL)
    for got, expected in zip(
        loss(classes, masks, moved, void=9), loss(classes, masks), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    wrong = np.where(LABEL == 1, CLASSES, LABEL)
    assert np.isnan(jax.jit(weighted_mean)(*loss(classes, masks, wrong)))


def test_shapes_are_checked():
    classes, masks = draw()
    with pytest.raises(
        ValueError, match=r"query_classes.shape=.* is invalid: expected"
    ):
        loss(classes[..., 1:], masks)
    with pytest.raises(ValueError, match=r"query_masks.shape=.* is invalid: expected"):
        loss(classes, masks[:, 1:])


def test_absent_classes_and_classes_without_a_query_get_none():
    costs = np.array([[[[1, 5, 9], [2, 3, np.nan]]]], np.float32)
    assert match(costs, np.array([[True, False, False]])).tolist() == [[[0, -1, -1]]]
    assert match(costs, np.array([[True, True, False]])).tolist() == [[[0, 1, -1]]]
    every = np.asarray(match(costs, np.ones((1, 3), bool)))[0, 0]
    assert sorted(every) == [-1, 0, 1] and every[2] == -1


def test_most_points_are_uncertain_ones():
    masks = np.full((1, 4, 40, 1), 9.0, np.float32)
    masks[:, :, 20:] = -9  # uncertain only where the halves meet

    @jax.jit
    def run(masks):
        keys = point_keys(0, np.arange(1), 1)[0, :, 1:]
        return uncertain_points(
            masks, keys, points=40, oversampling=100.0, importance=0.5
        )

    points = run(masks)
    near = np.abs(np.asarray(points)[0, 0, :, 0] - 0.5) < 1 / 80
    assert near[:20].all() and not near[20:].all()
