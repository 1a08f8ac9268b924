"""MaskedNorm is Norm on the true entries alone."""

import functools

import jax
import numpy as np
import pytest

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.masked_norm import MaskedNorm
from jaxseg.nn.norm import Norm


def data():
    random = np.random.default_rng(0)
    x = random.normal(2, 3, (3, 10, 8)).astype(np.float32)
    mask = np.arange(10)[None] < np.array([10, 4, 7])[:, None]
    variables = {
        "params": {
            name: random.normal(size=8).astype(np.float32) for name in ("scale", "bias")
        },
        "batch_stats": {
            name: random.random(8).astype(np.float32) for name in ("mean", "var")
        },
    }
    return np.where(mask[..., None], x, 1e3), mask, variables


def test_batch_statistics_of_the_true_entries():
    x, mask, variables = data()

    def learn(layer, *inputs):
        run = functools.partial(layer.apply, train=True, mutable=["batch_stats"])
        return jax.device_get(jax.jit(run)(variables, *inputs))

    found, updated = learn(MaskedNorm(), x, mask)
    expected, wanted = learn(Norm(), x[mask])
    np.testing.assert_allclose(found[mask], expected, rtol=1e-5, atol=1e-5)
    for name in ("mean", "var"):
        np.testing.assert_allclose(
            updated["batch_stats"][name], wanted["batch_stats"][name], rtol=1e-5
        )


@pytest.mark.parametrize("norm", ["batch", "frozen", "none", "group"])
def test_evaluation_is_that_of_norm(norm):
    x, mask, variables = data()
    style = BlockConfig(norm=norm, groups=4)
    evaluate = lambda layer: jax.jit(functools.partial(layer.apply, train=False))
    found = np.asarray(evaluate(MaskedNorm(style))(variables, x, mask))
    norm = evaluate(Norm(style))
    for row, there, result in zip(x, mask, found, strict=True):
        alone = np.asarray(norm(variables, row[there][None]))
        np.testing.assert_allclose(result[there], alone[0], rtol=1e-4, atol=1e-4)


def test_devices_with_unequal_masks_share_one_mean():
    """The sums are shared, not the means: device 0 has ten entries, device 1 four."""
    x, mask, variables = data()
    layer = MaskedNorm(BlockConfig(axis_name="batch"))
    run = jax.pmap(
        lambda x, mask: layer.apply(
            variables, x, mask, train=True, mutable=["batch_stats"]
        )[0],
        axis_name="batch",
        devices=jax.devices()[:3],
    )
    learn = functools.partial(MaskedNorm().apply, train=True, mutable=["batch_stats"])
    whole, _ = jax.device_get(jax.jit(learn)(variables, x, mask))
    found = np.asarray(run(x[:, None], mask[:, None]))[:, 0]
    np.testing.assert_allclose(found[mask], whole[mask], rtol=1e-5, atol=1e-5)
