"""Objectives of two players, and the balance of a latent's divergence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.config import LossConfig
from jaxseg.losses import build_objective, total_loss
from jaxseg.losses.adversarial import build_adversarial, is_adversarial
from jaxseg.losses.latent import latent_kl

PAPER = LossConfig("adversarial", additional=(("l1", 100.0),))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_discriminators_loss_is_halved_cross_entropy():
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(2, 3, 4, 5))
    objective = build_adversarial(PAPER)
    run = lambda real, fake: total_loss(objective.discriminator(real, fake))
    value, parts = jax.jit(run)(real, fake)
    right = -np.log(sigmoid(real)).mean(), -np.log(1 - sigmoid(fake)).mean()
    np.testing.assert_allclose(value, 0.5 * sum(right), rtol=1e-5)
    np.testing.assert_allclose([parts["real"], parts["fake"]], right, rtol=1e-5)


def test_the_generators_loss_is_that_of_the_paper():
    random = np.random.default_rng(0)
    judged = random.normal(size=(2, 3, 3))
    picture, target = random.uniform(-1, 1, (2, 2, 4, 4, 3))
    known = np.ones((2, 4, 4), bool)
    known[1, :3] = False
    batch = {"target": target, "known": known}
    objective = build_adversarial(PAPER)
    run = lambda *given: total_loss(objective.generator(*given))
    value, _ = jax.jit(run)(picture, batch, judged)
    fooled = -np.log(sigmoid(judged)).mean()
    l1 = np.abs(picture - target)[known].mean()
    np.testing.assert_allclose(value, fooled + 100 * l1, rtol=1e-5)


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (LossConfig("adversarial"), ["adversarial"]),
        (LossConfig("l1"), ["l1"]),
        (PAPER, ["adversarial", "l1"]),
    ],
)
def test_ablations_of_the_paper(config, names):
    made = build_adversarial(config)
    judged = np.zeros((1, 2, 2), np.float32) if made.adversarial else None
    picture = np.zeros((1, 4, 4, 1), np.float32)
    batch = {"target": picture, "known": np.ones((1, 4, 4), bool)}
    assert list(jax.jit(made.generator)(picture, batch, judged)) == names
    assert is_adversarial(config) and not is_adversarial(LossConfig())


@pytest.mark.parametrize(
    "config",
    [
        LossConfig("adversarial", additional=(("dice", 1.0),)),
        LossConfig("l1", class_weights="median_frequency"),
        LossConfig("adversarial", options={"adversarial": {"x": 1}}),
    ],
)
def test_what_does_not_fit_is_named(config):
    with pytest.raises(ValueError, match="expected only the losses adversarial and l1"):
        build_adversarial(config)


def test_the_bound_keeps_the_papers_balance():
    """(sum of CE over pixels + beta sum of KL) / labeled pixels, void or not."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 4, 5, 2)).astype(np.float32)
    label = random.integers(0, 2, (3, 4, 5)).astype(np.int32)
    label[0, :2], label[2] = 255, 255
    divergence = np.array([3.0, 5.0, 7.0], np.float32)
    outputs = {"logits": logits, "extra_kl": divergence}
    objective = build_objective(LossConfig(kl_weight=10.0))
    run = lambda outputs, batch: total_loss(objective(outputs, batch))
    value, parts = jax.jit(run)(outputs, {"label": label})
    share = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    rows = np.nonzero(label != 255)
    entropy = -np.log(share[(*rows, label[rows])]).sum()
    count = len(rows[0])
    expected = (entropy + 10 * (3 + 5)) / count  # nobody labeled the third image
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(parts["kl"], 8 / count, rtol=1e-6)


def test_divergence_must_be_one_number_per_image():
    with pytest.raises(ValueError, match=r"divergence\.shape=\(3,\) is invalid"):
        latent_kl(jnp.zeros(3), jnp.zeros((2, 4, 4), jnp.int32))
