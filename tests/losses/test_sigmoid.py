"""Losses of sigmoid outputs against PyTorch, slow forms and their softmax twins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.config import LossConfig
from jaxseg.losses import (
    SIGMOID_LOSSES,
    binary_cross_entropy,
    binary_dice,
    binary_jaccard,
    build_objective,
    cross_entropy,
    dice,
    focal,
    lovasz_hinge,
    total_loss,
    weighted_mean,
)
from jaxseg.losses.objective import option_names
from jaxseg.ops.output_form import OutputForm

BINARY, MULTILABEL = OutputForm("binary"), OutputForm("multilabel")


@pytest.fixture
def overlapping():
    """Logits [2, 4, 5, 3], overlapping targets and known pixels."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 1.5, (2, 4, 5, 3)).astype(np.float32)
    target = random.integers(0, 2, (2, 4, 5, 3)).astype(np.uint8)
    target[1, ..., 2] = 0
    return logits, target, random.random((2, 4, 5)) > 0.25


def slow_pixels(z, y, gamma=0.0, weight=1.0):
    """The mean over pixels of one class, by the probability of the true answer."""
    p = 1 / (1 + np.exp(-np.where(y, z, -z)))
    return np.mean(-np.log(p) * (1 - p) ** gamma * np.where(y, weight, 1.0))


def slow_region(z, y, score):
    p = 1 / (1 + np.exp(-z))
    hit, miss, false = p[y].sum(), (1 - p[y]).sum(), p[~y].sum()
    return 1 - score(hit, miss, false)


SLOW = {
    "cross_entropy": slow_pixels,
    "focal": lambda z, y: slow_pixels(z, y, gamma=2.0),
    "dice": lambda z, y: slow_region(
        z, y, lambda hit, miss, false: (2 * hit + 1) / (2 * hit + miss + false + 1)
    ),
    "jaccard": lambda z, y: slow_region(
        z, y, lambda hit, miss, false: (hit + 1) / (hit + miss + false + 1)
    ),
    "tversky": lambda z, y: slow_region(
        z,
        y,
        lambda hit, miss, false: (hit + 1) / (hit + 0.7 * miss + 0.3 * false + 1),
    ),
}


@pytest.mark.parametrize("name", sorted(SLOW))
def test_equals_slow_form(name, overlapping):
    """Value and gradient over the batch; the gradient is by central differences."""
    logits, target, known = overlapping
    options = {"per_image": False} if name in ("dice", "jaccard", "tversky") else {}
    y = target[known].astype(bool)

    def slow(z):
        return np.mean([SLOW[name](z[known][:, k], y[:, k]) for k in range(3)])

    def scalar(z):
        pair = SIGMOID_LOSSES[name].function(z, target, known, **options)
        return weighted_mean(*pair)

    value, gradient = jax.jit(jax.value_and_grad(scalar))(logits)
    exact, h = logits.astype(np.float64), 1e-5
    np.testing.assert_allclose(value, slow(exact), rtol=1e-5)
    numeric = np.zeros(exact.shape)
    for at in np.ndindex(exact.shape):
        step = np.zeros(exact.shape)
        step[at] = h
        numeric[at] = (slow(exact + step) - slow(exact - step)) / (2 * h)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=2e-6)
    assert np.abs(numeric).max() > 1e-4


def test_positive_weights_equal_those_of_pytorch(overlapping):
    torch = pytest.importorskip("torch")
    logits, target, known = overlapping
    weights = (0.5, 1.0, 2.5)
    peer = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weights))
    wanted = peer(torch.tensor(logits[known]), torch.tensor(target[known] * 1.0))
    run = lambda z: weighted_mean(
        *binary_cross_entropy(z, target, known, positive_weights=weights)
    )
    np.testing.assert_allclose(jax.jit(run)(logits), wanted.item(), rtol=1e-5)


def hinge_by_thresholds(z, y):
    """The Lovasz extension by its definition: an integral over thresholds."""
    error = np.maximum(0.0, 1 - np.where(y, z, -z))
    area, last = 0.0, 0.0
    for level in np.unique(error):
        wrong = error > last
        area += (level - last) * wrong.sum() / (y | wrong).sum() if wrong.any() else 0
        last = level
    return area


@pytest.mark.parametrize("per_image", [False, True])
def test_lovasz_hinge_equals_its_definition(per_image, overlapping):
    logits, target, known = overlapping
    groups = range(2) if per_image else [slice(None)]
    wanted = [
        hinge_by_thresholds(
            logits[i][known[i]][:, k].astype(np.float64),
            target[i][known[i]][:, k].astype(bool),
        )
        for i in groups
        for k in range(3)
    ]
    run = lambda z: weighted_mean(*lovasz_hinge(z, target, known, per_image=per_image))
    np.testing.assert_allclose(jax.jit(run)(logits), np.mean(wanted), rtol=1e-5)


@pytest.mark.slow
def test_one_logit_equals_two(overlapping):
    """With logits (0, z), the softmax losses have the same value and gradient."""
    logits, target, known = overlapping
    z = logits[..., :1]
    label = np.where(known, target[..., 0], 255).astype(np.int32)
    two = lambda z: jnp.concatenate([jnp.zeros_like(z), z], -1)
    for name, twin in (("cross_entropy", cross_entropy), ("focal", focal)):
        objective = build_objective(LossConfig(name), form=BINARY)
        one = lambda z, f=objective: total_loss(f({"logits": z}, {"label": label}))[0]
        other = lambda z, f=twin: weighted_mean(*f(two(z), label))
        both = jax.jit(
            lambda z, f=one, g=other: [jax.value_and_grad(h)(z) for h in (f, g)]
        )
        for got, wanted in zip(*both(z), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-8)
    # Dice scores the object only: it is the second class of the softmax loss.
    run = lambda z: (binary_dice(z, target[..., :1], known), dice(two(z), label))
    (got, _), (wanted, _) = jax.device_get(jax.jit(run)(z))
    np.testing.assert_allclose(got[:, 0], wanted[:, 1], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(SIGMOID_LOSSES))
def test_the_masking_contract(name, overlapping):
    """Unknown pixels do not matter, whatever they hold; a wrong target is NaN."""
    function = SIGMOID_LOSSES[name].function
    logits, target, known = overlapping

    @jax.jit
    @jax.value_and_grad
    def scalar(z, target, known):
        value, weight = function(z, target, known)
        assert value.shape == weight.shape
        return weighted_mean(value, weight)

    value, gradient = scalar(logits, target, known)
    holes = np.where(known[..., None], logits, np.inf).astype(np.float32)
    odd = np.where(known[..., None], target, 7).astype(np.uint8)
    again, other = scalar(holes, odd, known)
    np.testing.assert_allclose(again, value, rtol=1e-6)
    np.testing.assert_allclose(other, gradient, rtol=1e-5, atol=1e-8)
    assert not other[~known].any() and np.abs(gradient).max() > 1e-4
    zero, none = scalar(logits, target, np.zeros_like(known))
    assert zero == 0 and not none.any()
    wrong = target.copy()
    wrong[np.argwhere(known)[0][0], :, :, 0] = 2
    assert np.isnan(scalar(logits, wrong, known)[0])


def test_absent_classes():
    """An empty image costs nothing by default, and its false positives with "all"."""
    logits, empty = np.full((1, 2, 2, 1), 20, np.float32), np.zeros((1, 2, 2, 1))
    known = np.ones((1, 2, 2), bool)
    present, every = jax.jit(
        lambda z: [
            weighted_mean(*binary_jaccard(z, empty, known, classes=classes))
            for classes in ("present", "all")
        ]
    )(logits)
    assert present == 0
    np.testing.assert_allclose(every, 1 - 1 / 5, rtol=1e-6)


def test_class_weights_become_positive_weights(overlapping):
    logits, target, known = overlapping
    config = LossConfig(class_weights="median_frequency")
    label = np.where(known, target[..., 0], 255)
    objective = build_objective(config, class_pixels=(90, 30), form=BINARY)
    outputs = {"logits": logits[..., :1], "aux": logits[..., :1]}
    terms = jax.jit(objective)(outputs, {"label": label})
    wanted = jax.jit(
        lambda z: binary_cross_entropy(
            z, target[..., :1], known, positive_weights=(3.0,)
        )
    )(logits[..., :1])
    for name, factor in (("cross_entropy", 1.0), ("aux", 0.4)):
        np.testing.assert_allclose(terms[name][0], wanted[0], rtol=1e-6)
        assert terms[name][2] == factor
    objective = build_objective(config, class_pixels=(10, 20, 40), form=MULTILABEL)
    terms = jax.jit(objective)({"logits": logits}, {"label": target, "valid": known})
    weights = (2.0, 1.0, 0.5)
    wanted = jax.jit(
        lambda z: binary_cross_entropy(z, target, known, positive_weights=weights)
    )(logits)
    np.testing.assert_allclose(terms["cross_entropy"][0], wanted[0], rtol=1e-6)
    with pytest.raises(ValueError, match="no pixel of the training split is backgr"):
        build_objective(config, class_pixels=(0, 20), form=BINARY)


def test_softmax_losses_are_refused():
    with pytest.raises(ValueError, match="'lovasz_softmax' is invalid: expected one"):
        build_objective(LossConfig("lovasz_softmax"), form=MULTILABEL)
    objective = build_objective(LossConfig(), form=MULTILABEL)
    z, known = np.zeros((1, 2, 2, 3)), np.ones((1, 2, 2), bool)
    outputs = {"logits": z, "edge": z[..., :1]}
    with pytest.raises(ValueError, match="expected 'softmax' for a network with the o"):
        jax.eval_shape(objective, outputs, {"label": z, "valid": known})


@pytest.mark.parametrize("per_image", [None, True, False])
@pytest.mark.parametrize("name", sorted(SIGMOID_LOSSES))
def test_records_state_the_coupling(name, per_image, overlapping):
    """The loss of the first image is the same without the other, or it couples."""
    loss = SIGMOID_LOSSES[name]
    if per_image is not None and "per_image" not in option_names(loss):
        return
    options = {} if per_image is None else {"per_image": per_image}

    @jax.jit
    def sums(*arrays):
        value, weight = loss.function(*arrays, **options)
        return jnp.stack([(value * weight).sum(), weight.sum()])

    one, two, whole = (
        np.array(sums(*(x[images] for x in overlapping)))
        for images in (slice(0, 1), slice(1, 2), slice(None))
    )
    gap = np.abs(one + two - whole).max() / np.abs(whole).max()
    assert (gap > 1e-4) == loss.couples(options), gap
