"""Learned rates: the mixture, its temperature, and the program after hardening."""

import functools

import jax
import numpy as np
import pytest

from jaxseg.nn import (
    ASPP,
    ChosenRateConv,
    ContinuousRate,
    ContinuousRateConv,
    Conv,
    RateChoice,
    hardened_rates,
    rate_shares,
    without_rate_parameters,
)

X = np.random.default_rng(0).normal(size=(1, 9, 9, 2)).astype(np.float32)
CHOICE = RateChoice((1, 2, 4), steps=10, first=1.0, last=0.1)


@functools.partial(jax.jit, static_argnums=0)
def start(block):
    """The initial variables of a block."""
    return block.init(jax.random.key(0), X, train=False)


@pytest.mark.slow
def test_the_mixture_is_the_weighted_sum_of_the_rates():
    block = ChosenRateConv(3, CHOICE)
    variables = start(block)
    logits = np.array([0.0, 1.0, -1.0], np.float32)
    params = variables["params"] | {"rate_logits": logits}
    shares = np.exp(logits) / np.exp(logits).sum()
    own = {"params": {key: params[key] for key in ("kernel", "bias")}}

    @jax.jit
    def both(variables, own):
        parts = [Conv(3, rate=rate).apply(own, X) for rate in CHOICE.candidates]
        return block.apply(variables, X, train=False), parts

    found, parts = jax.device_get(both({**variables, "params": params}, own))
    expected = sum(s * part for s, part in zip(shares, parts, strict=True))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_temperature_falls_with_the_calls_in_training():
    logits = np.array([0.0, 0.2, 0.1], np.float32)
    np.testing.assert_allclose(
        rate_shares(logits, 5, CHOICE), jax.nn.softmax(logits / 0.1**0.5), rtol=1e-5
    )
    np.testing.assert_array_equal(rate_shares(logits, 10, CHOICE), [0, 1, 0])
    block = ChosenRateConv(1, CHOICE)

    @jax.jit
    def steps():
        variables = block.init(jax.random.key(0), X, train=True)
        _, state = block.apply(variables, X, train=True, mutable=["batch_stats"])
        block.apply(variables, X, train=False)  # It changes no variable.
        return [v["batch_stats"]["rate_steps"] for v in (variables, state)]

    assert jax.device_get(steps()) == [0, 1]


@pytest.mark.slow
def test_an_annealed_aspp_is_the_program_of_fixed_rates():
    learned = ASPP(4, rates=(1, CHOICE, ContinuousRate(2.5, largest=4)), dropout=0.0)
    variables = start(learned)
    conv = variables["params"]["branch2"]["dense"]["conv"]
    conv["rate_logits"] = np.array([0.0, 0.1, 0.3], np.float32)
    stats = variables["batch_stats"]["branch2"]["dense"]["conv"]
    stats["rate_steps"] = np.float32(10.0)
    rates = hardened_rates(learned.rates, variables["params"])
    assert rates == (1, 4, 2)
    # A whole rate makes the interpolation exact.
    variables["params"]["branch3"]["dense"]["conv"]["rate"] = np.float32(2.0)
    fixed, kept = learned.clone(rates=rates), without_rate_parameters(variables)
    plain = ASPP(4, rates=(1, 4, 2), dropout=0.0)
    run = lambda module: lambda v, x: module.apply(v, x, train=False)
    shapes = jax.eval_shape(lambda x: plain.init(jax.random.key(0), x, train=False), X)
    assert jax.tree.structure(kept) == jax.tree.structure(shapes)
    programs = [jax.jit(run(module)).lower(kept, X) for module in (fixed, plain)]
    assert programs[0].as_text() == programs[1].as_text()
    traced = [str(jax.make_jaxpr(run(module))(kept, X)) for module in (fixed, plain)]
    assert traced[0] == traced[1]
    np.testing.assert_allclose(
        jax.jit(run(learned))(variables, X), jax.jit(run(plain))(kept, X), atol=1e-5
    )


@pytest.mark.slow
def test_the_rate_of_a_continuous_block_is_a_parameter():
    block = ContinuousRateConv(1, ContinuousRate(1.5, largest=3), bias=False)
    variables = start(block)
    assert variables["params"]["rate"] == 1.5
    loss = lambda v: (block.apply(v, X, train=True) ** 2).sum()
    assert abs(float(jax.jit(jax.grad(loss))(variables)["params"]["rate"])) > 0


def test_wrong_choices_are_refused():
    for candidates in ((2,), (2, 1), (2, 2), (0, 1)):
        with pytest.raises(ValueError, match=r"candidates=.* is invalid"):
            RateChoice(candidates)
    with pytest.raises(ValueError, match="0 < last <= first"):
        RateChoice((1, 2), last=2.0)
    with pytest.raises(ValueError, match="initial=5 is invalid"):
        ContinuousRate(5, largest=4)
    aspp = ASPP(2, rates=(CHOICE,), separable="full")
    with pytest.raises(
        ValueError, match="separable='full' is invalid: expected 'none'"
    ):
        jax.eval_shape(lambda x: aspp.init(jax.random.key(0), x, train=False), X)
