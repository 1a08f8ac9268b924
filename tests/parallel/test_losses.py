"""Every loss, value and gradient: one device = sharded jit = pmap with its axis."""

import functools
import inspect

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxseg.losses import (
    LOSSES,
    cross_entropy,
    edge_attention,
    edge_cross_entropy,
    mask_classification,
    weighted_mean,
)
from jaxseg.losses.reduction import total
from jaxseg.metrics import confusion
from jaxseg.training.devices.mesh import batch_sharding, make_mesh


def edge(logits, label, *, axis_name=None):
    return edge_cross_entropy(logits[..., :1], label, axis_name=axis_name)


def attention(logits, label):
    return edge_attention(logits, label, edge=3 * logits[..., :1])


def queries(logits, label, *, axis_name=None):
    return mask_classification(
        logits,
        label,
        query_classes=logits[:, None, :4, :5, 0],
        query_masks=logits[:, None],
        points=40,
        axis_name=axis_name,
    )


def regions(logits, label, *, axis_name=None):
    """The sum of the losses of regions over the batch; their weights are equal."""
    pairs = [
        LOSSES[name].function(logits, label, per_image=False, axis_name=axis_name)
        for name in ("dice", "jaccard", "tversky")
    ]
    return sum(value for value, _ in pairs), pairs[0][1]


CASES = {
    **{name: loss.function for name, loss in LOSSES.items()},
    "mask_classification": queries,
    "edge": edge,
    "edge_attention": attention,
}
CASES["regions_batch"] = regions
CASES["lovasz_image"] = functools.partial(
    LOSSES["lovasz_softmax"].function, per_image=True
)
CASES["ohem_few"] = functools.partial(
    LOSSES["ohem_cross_entropy"].function, min_kept=9, threshold=0.1
)


@pytest.fixture(scope="module")
def example():
    """Eight images; one is all void, one nearly, one lacks two classes."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 1.5, (8, 8, 6, 4)).astype(np.float32)
    label = random.integers(0, 4, (8, 8, 6)).astype(np.int32)
    label[2] = 255
    label[3, :7] = 255
    label[5] = np.minimum(label[5], 1)
    return logits, label


# These take no axis, or none for single images, as cross_entropy and dice.
ALIKE = {"focal", "jaccard", "tversky"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.sweep if name in ALIKE else ())
        for name in sorted(CASES)
    ],
)
def test_one_value_everywhere(example, name):
    loss = CASES[name]
    takes_axis = "axis_name" in inspect.signature(loss).parameters

    def run(logits, label, axis_name=None):
        options = {"axis_name": axis_name} if takes_axis else {}

        def share(z):
            return weighted_mean(*loss(z, label, **options), axis_name)

        value, gradient = jax.value_and_grad(share)(logits)
        return total(value, axis_name), gradient

    value, gradient = jax.jit(run)(*example)
    assert np.abs(gradient).max() > 1e-4
    spread = [jax.device_put(x, batch_sharding(make_mesh(4, 2), 4)) for x in example]
    split = [x.reshape(4, 2, *x.shape[1:]) for x in example]
    mapped = jax.pmap(
        functools.partial(run, axis_name="batch"),
        axis_name="batch",
        out_axes=(None, 0),
        devices=jax.devices()[:4],
    )
    for other, grad in (jax.jit(run)(*spread), mapped(*split)):
        np.testing.assert_allclose(other, value, rtol=2e-6)
        grad = np.reshape(grad, gradient.shape)
        np.testing.assert_allclose(grad, gradient, rtol=1e-4, atol=2e-7)


def test_mean_of_device_means_would_be_wrong(example):
    mean = lambda z, y: weighted_mean(*cross_entropy(z, y))
    parts = [x.reshape(4, 2, *x.shape[1:]) for x in example]
    run = lambda: (mean(*example), [mean(z, y) for z, y in zip(*parts, strict=True)])
    right, means = jax.jit(run)()
    assert abs(np.mean(means) - right) > 0.005


def test_sharding_moves_no_map():
    """Cross entropy and its gradient, and counting, gather no pixels."""
    mesh = make_mesh(4, 2)
    logits = jax.ShapeDtypeStruct(
        (8, 16, 16, 5), np.float32, sharding=batch_sharding(mesh, 4)
    )
    label = jax.ShapeDtypeStruct(
        (8, 16, 16), np.int32, sharding=batch_sharding(mesh, 3)
    )

    def loss(z, y):
        return jax.value_and_grad(lambda z: weighted_mean(*cross_entropy(z, y)))(z)

    def count(z, y):
        return confusion(z.argmax(-1), y, 5)

    everywhere = NamedSharding(mesh, PartitionSpec())
    for function, out in ((loss, (everywhere, logits.sharding)), (count, everywhere)):
        compiled = jax.jit(function, out_shardings=out).lower(logits, label).compile()
        text = compiled.as_text()
        assert "all-gather" not in text and "collective-permute" not in text
        assert "all-reduce" in text
