"""Hard pixel mining: which pixels are kept, by a slow ranking and by hand."""

import jax
import numpy as np
import pytest

from jaxseg.losses import ohem_cross_entropy, top_k_cross_entropy, weighted_mean


def certain(probability):
    """Two-class logits [1, 1, N, 2] in which class 0 has these probabilities."""
    p = np.array([[probability]])
    return np.log(np.stack([p, 1 - p], -1)).astype(np.float32)


ZEROS = np.zeros((1, 1, 5), np.int32)
LOGITS = certain([0.1, 0.95, 0.8, 0.6, 0.99])


def kept(function, label=ZEROS, **options):
    """The numbers of the pixels that have a weight."""
    run = jax.jit(lambda label: function(LOGITS, label, **options)[1])
    return np.flatnonzero(run(label)).tolist()


@pytest.mark.parametrize(
    ("threshold", "min_kept", "expected"),
    [
        (0.7, 0, [0, 3]),  # only those below the threshold
        (0.7, 1, [0, 3]),
        (0.7, 3, [0, 2, 3]),  # the three least probable
        (0.2, 4, [0, 1, 2, 3]),
        (0.2, 5, [0, 1, 2, 3, 4]),
        (0.2, 100, [0, 1, 2, 3, 4]),
    ],
)
def test_ohem_by_hand(threshold, min_kept, expected):
    options = {"threshold": threshold, "min_kept": min_kept}
    assert kept(ohem_cross_entropy, **options) == expected


def test_ohem_counts_labeled_pixels_only():
    label = np.array([[[255, 0, 0, 0, 0]]], np.int32)
    assert kept(ohem_cross_entropy, label, threshold=0.2, min_kept=2) == [2, 3]


def test_ohem_min_kept_is_per_image():
    logits, label = np.concatenate([LOGITS] * 2), np.concatenate([ZEROS] * 2)
    run = lambda z: ohem_cross_entropy(z, label, threshold=0.05, min_kept=2)
    weight = np.asarray(jax.jit(run)(logits)[1])
    np.testing.assert_array_equal(weight[:, 0], [[1, 0, 0, 1, 0]] * 2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fraction": 0.4}, [0, 3]),
        ({"fraction": 0.6}, [0, 2, 3]),
        ({"fraction": 0.2, "anneal_steps": 10, "step": 0}, [0, 1, 2, 3, 4]),
        ({"fraction": 0.2, "anneal_steps": 10, "step": 5}, [0, 2, 3]),
        ({"fraction": 0.2, "anneal_steps": 10, "step": 10}, [0]),
        ({"fraction": 0.2, "anneal_steps": 10, "step": 99}, [0]),
    ],
)
def test_top_k_by_hand(options, expected):
    assert kept(top_k_cross_entropy, **options) == expected


def test_top_k_ranks_weighted_losses_of_labeled_pixels():
    label = np.array([[[255, 0, 0, 0, 1]]])
    # -log p: 0.05, 0.22, 0.51 for class 0, 4.6 for class 1.
    assert kept(top_k_cross_entropy, label, fraction=0.5) == [3, 4]
    light = {"fraction": 0.25, "class_weights": (1.0, 0.01)}
    assert kept(top_k_cross_entropy, label, **light) == [3]


def test_step_may_be_traced():
    def count(step):
        options = {"fraction": 0.2, "anneal_steps": 10, "step": step}
        return top_k_cross_entropy(LOGITS, ZEROS, **options)[1].sum()

    run = jax.jit(count)
    assert [int(run(np.int32(step))) for step in (0, 5, 10)] == [5, 3, 1]


@pytest.mark.parametrize("name", ["ohem", "top_k"])
def test_value_and_gradient(example, same_as, name):
    """The mean of the hardest pixels; the choice itself has no gradient."""
    weights = (0.5, 2.0, 3.0)

    def loss(z, label):
        if name == "ohem":
            options = {"threshold": 0.3, "min_kept": 4}
            return ohem_cross_entropy(z, label, class_weights=weights, **options)
        return top_k_cross_entropy(z, label, fraction=0.4, class_weights=weights)

    def slow(p, label):
        known = label != 255
        k = label[known]
        nll = -np.log(p[known][np.arange(k.size), k])
        weighted = nll * np.array(weights)[k]
        rank = nll if name == "ohem" else weighted
        number = int(0.4 * k.size)
        if name == "ohem":
            number = max(8, (nll > -np.log(0.3)).sum())
        return weighted[np.argsort(-rank)[:number]].mean()

    same_as(loss, slow, *example)


def test_all_pixels_is_plain_cross_entropy(example):
    @jax.jit
    def run(*example):
        whole = top_k_cross_entropy(*example, fraction=1.0)
        ohem = ohem_cross_entropy(*example, threshold=1.0)
        return weighted_mean(*whole), weighted_mean(*ohem)

    np.testing.assert_allclose(*run(*example), rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (ohem_cross_entropy, {"threshold": 0.0}, "threshold=0.0"),
        (ohem_cross_entropy, {"min_kept": -1}, "min_kept=-1 is invalid"),
        (top_k_cross_entropy, {"fraction": 0.0}, "fraction=0.0"),
        (top_k_cross_entropy, {"anneal_steps": -1}, "anneal_steps=-1 is invalid"),
    ],
)
def test_wrong_options_are_named(function, options, message):
    with pytest.raises(ValueError, match=message):
        function(LOGITS, ZEROS, **options)
