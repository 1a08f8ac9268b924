"""Schedules, decay, groups and freezing, each against arithmetic by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxseg.config import OptimConfig
from jaxseg.training.optim import learning_rate
from jaxseg.training.optim import optimizers as optim

PARAMS = {
    "backbone": {"conv": {"kernel": jnp.full((2, 2), 2.0), "bias": jnp.full(2, 3.0)}},
    "head": {"kernel": jnp.full((2, 2), 4.0), "norm": {"scale": jnp.ones(2)}},
}
ONES = jax.tree.map(jnp.ones_like, PARAMS)


def plain(**options):
    """SGD without momentum and decay at rate 0.1, changed by `options`."""
    settings = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}
    settings |= {"weight_decay": 0.0, "schedule": "constant"}
    return OptimConfig(**(settings | options))


def updates(config, gradients=ONES, steps=1):
    """The update of the last of `steps` equal steps, first entry of each leaf."""
    tx, _ = optim.build(config, 100)

    @jax.jit
    def run(params, gradients):
        state = tx.init(params)
        for _ in range(steps):
            out, state = tx.update(gradients, state, params)
        return out

    leaves = jax.tree_util.tree_leaves_with_path(run(PARAMS, gradients))
    return {optim.parameter_path(path): float(leaf.ravel()[0]) for path, leaf in leaves}


def close(got, kernel, bias, head, scale):
    expected = {"backbone/conv/kernel": kernel, "backbone/conv/bias": bias}
    expected |= {"head/kernel": head, "head/norm/scale": scale}
    assert got == pytest.approx(expected, rel=1e-5, abs=1e-9)


def rates(config, total, steps):
    return [float(learning_rate.schedule(config, total)(step)) for step in steps]


def test_poly_is_deeplabs():
    """Base 0.007, power 0.9, at 25, 50, 75 and 90 % of 30000 steps."""
    config = plain(schedule="poly", learning_rate=0.007)
    got = rates(config, 30_000, (0, 7_500, 15_000, 22_500, 27_000, 30_000))
    expected = [0.007, 0.005403, 0.003751, 0.002010, 0.000881, 0]
    np.testing.assert_allclose(got, expected, rtol=3e-4)


def test_poly_and_cosine_end_at_the_final_rate():
    for name, middle in (("poly", 0.55), ("cosine", 0.55)):
        config = plain(
            schedule=name, poly_power=1.0, learning_rate=1.0, final_learning_rate=0.1
        )
        np.testing.assert_allclose(
            rates(config, 10, (0, 5, 10)), [1, middle, 0.1], rtol=1e-6
        )
    quarter = rates(plain(schedule="cosine", learning_rate=1.0), 8, [2])
    np.testing.assert_allclose(quarter, [(1 + np.sqrt(0.5)) / 2], rtol=1e-6)


def test_step_schedule():
    config = plain(schedule="step", milestones=(0.5, 0.9), decay_factor=0.1)
    got = rates(config, 10, (0, 4, 5, 8, 9))
    np.testing.assert_allclose(got, [0.1, 0.1, 0.01, 0.01, 0.001], rtol=1e-5)


def test_warm_up_multiplies_the_schedule():
    config = plain(schedule="poly", poly_power=1.0, learning_rate=1.0, warmup_steps=4)
    expected = [0.25, 0.5 * 0.9, 0.75 * 0.8, 0.7, 0.6]
    np.testing.assert_allclose(rates(config, 10, range(5)), expected, rtol=1e-6)


def test_sgd_with_momentum_decay_and_schedule():
    """v = 0.9 v + (g + wd p); two steps give 1.9 (g + wd p)."""
    config = plain(momentum=0.9, weight_decay=0.5)
    close(updates(config, steps=2), -0.38, -0.19, -0.57, -0.19)
    every = plain(weight_decay=0.5, decay_mask="all")
    close(updates(every), -0.2, -0.25, -0.3, -0.15)


def test_adamw_decay_is_decoupled():
    """First update g / |g| plus wd p, times the rate."""
    config = plain(name="adamw", weight_decay=0.5)
    close(updates(config), -0.2, -0.1, -0.3, -0.1)


def test_rmsprop():
    """First step: g / sqrt(0.1 g^2); decay joins the gradient before."""
    root = 1 / np.sqrt(0.1)
    config = plain(name="rmsprop", weight_decay=0.5, rms_decay=0.9)
    close(updates(config), *([-0.1 * root] * 4))
    np.testing.assert_allclose(root, 3.1623, rtol=1e-4)


def test_nesterov():
    """m g + g with momentum 0.9 in the first step."""
    close(updates(plain(momentum=0.9, nesterov=True)), *([-0.19] * 4))


def test_groups_first_match_wins():
    groups = (("head/norm/.*", 20.0), ("head/.*", 10.0))
    close(updates(plain(lr_multipliers=groups)), -0.1, -0.1, -1.0, -2.0)
    adamw = plain(name="adamw", weight_decay=0.5, lr_multipliers=groups)
    close(updates(adamw), -0.2, -0.1, -3.0, -2.0)


@pytest.mark.parametrize("name", ["sgd", "adamw", "rmsprop"])
def test_frozen_parameters_do_not_move(name):
    config = plain(
        name=name,
        momentum=0.9,
        weight_decay=0.5,
        decay_mask="all",
        freeze=("backbone/.*",),
    )
    got = updates(config, steps=3)
    assert got["backbone/conv/kernel"] == got["backbone/conv/bias"] == 0
    assert got["head/kernel"] < 0 and got["head/norm/scale"] < 0


def test_clip_counts_no_frozen_gradient():
    """Twelve ones: norm sqrt(12); without the backbone's six sqrt(6)."""
    whole = updates(plain(clip_norm=1.0))
    assert whole["head/kernel"] == pytest.approx(-0.1 / np.sqrt(12))
    part = updates(plain(clip_norm=1.0, freeze=("backbone/.*",)))
    assert part["head/kernel"] == pytest.approx(-0.1 / np.sqrt(6))
    assert updates(plain(clip_norm=10.0))["head/kernel"] == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("option", "pattern"),
    [("freeze", ("backbon",)), ("lr_multipliers", (("head", 10.0),))],
)
def test_a_pattern_without_match_is_an_error(option, pattern):
    tx, _ = optim.build(plain(**{option: pattern}), 10)
    with pytest.raises(
        ValueError, match=rf"optim.{option}='\w+' is invalid.* 4 .*conv"
    ):
        tx.init(PARAMS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adam"}, "optim.name='adam' is invalid"),
        ({"schedule": "linear"}, "optim.schedule='linear' is invalid"),
        ({"decay_mask": "none"}, "optim.decay_mask='none' is invalid"),
        ({"clip_norm": 0.0}, "optim.clip_norm=0.0 is invalid"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0 is inv"),
        ({"schedule": "step", "milestones": (5.0,)}, r"milestones=\(5.0,\)"),
        ({"name": "lars", "trust_coefficient": 0.0}, "trust_coefficient=0.0 is inv"),
        ({"base_batch_size": 0}, "base_batch_size=0 is invalid"),
        ({"base_batch_size": 8}, "batch_size=None is .*optim.base_batch_size=8"),
        ({"batch_scaling": "cubic"}, "batch_scaling='cubic' is invalid"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        _, rate = optim.build(plain(**options), 10)
        rate(0)


def test_returned_schedule_is_the_one_used():
    config = plain(schedule="poly", warmup_steps=3)
    tx, rate = optim.build(config, 10)
    state, params = tx.init(PARAMS), PARAMS
    for step in range(4):
        out, state = tx.update(ONES, state, params)
        moved = optax.apply_updates(params, out)
        change = params["head"]["kernel"] - moved["head"]["kernel"]
        np.testing.assert_allclose(change, rate(step), rtol=1e-4)
        params = moved


def test_exponential_decays_once_per_epoch():
    config = plain(schedule="exponential", decay_factor=0.995, decay_every=122)
    _, rate = optim.build(config, 1000)
    for step, power in ((0, 0), (121, 0), (122, 1), (244, 2), (999, 8)):
        np.testing.assert_allclose(rate(step), 0.1 * 0.995**power, rtol=1e-6)
    with pytest.raises(
        ValueError, match=r"decay_every=0 .* optim.schedule='exponential'"
    ):
        optim.build(plain(schedule="exponential"), 10)


def test_adadelta():
    """First step: g sqrt(eps) / sqrt((1 - rho) g^2 + eps), eps 1e-6."""
    got = updates(plain(name="adadelta", learning_rate=1.0, rms_decay=0.95))
    close(got, *([-1e-3 / np.sqrt(0.05 + 1e-6)] * 4))
