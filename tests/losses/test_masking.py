"""The one masking contract, held against every loss."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.losses import (
    LOSSES,
    edge_attention,
    edge_cross_entropy,
    total_loss,
    weighted_mean,
)


def attention_everywhere(logits, label, *, void=255):
    edge = np.full((*label.shape, 1), 9.0, np.float32)
    return edge_attention(logits, label, edge=edge, void=void)


PLAIN = {
    **{
        name: loss.function
        for name, loss in LOSSES.items()
        if "query_masks" not in loss.requires  # It reads the queries, not the logits.
    },
    "edge_attention": attention_everywhere,
}
ALL = {**PLAIN}
ALL["dice_batch"] = functools.partial(LOSSES["dice"].function, per_image=False)
ALL["dice_all"] = functools.partial(LOSSES["dice"].function, classes="all", smooth=0.0)
ALL["lovasz_image"] = functools.partial(
    LOSSES["lovasz_softmax"].function, per_image=True
)
ALL["focal_tversky"] = functools.partial(LOSSES["tversky"].function, gamma=0.75)
ALL["edge"] = lambda z, label: edge_cross_entropy(z[..., :1], label)


@functools.cache
def gradient_of(name):
    """value_and_grad of a loss: (logits, label) -> (mean, gradient)."""

    def scalar(z, label):
        value, weight = ALL[name](z, label)
        assert value.shape == weight.shape and value.dtype == jnp.float32
        return weighted_mean(value, weight)

    return jax.jit(jax.value_and_grad(scalar))


@pytest.fixture(params=sorted(ALL))
def grad(request):
    return gradient_of(request.param)


def test_all_void_is_zero_with_zero_gradient(grad, example):
    value, gradient = grad(example[0], np.full_like(example[1], 255))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_void_pixels_do_not_matter_and_get_no_gradient(grad, example):
    logits, label = example
    void = (label == 255)[..., None]
    value, gradient = grad(logits, label)
    for rubbish in (50.0, np.inf, np.nan):
        other, other_gradient = grad(np.where(void, np.float32(rubbish), logits), label)
        np.testing.assert_array_equal(value, other)
        np.testing.assert_array_equal(gradient, other_gradient)
    np.testing.assert_array_equal(np.where(void, gradient, 0), 0)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"dual_task"}))
def test_padding_with_void_changes_nothing(name, example):
    """Void around the images and void-only images added to the batch.

    Not for dual_task, which compares boundaries: a map's border is not one, the line
    between a class and void is.
    """
    (logits, label), grad = example, gradient_of(name)
    value, gradient = grad(logits, label)
    wide = np.pad(logits, ((0, 1), (0, 2), (0, 3), (0, 0)), constant_values=1)
    wide_label = np.pad(label, ((0, 1), (0, 2), (0, 3)), constant_values=255)
    padded, padded_gradient = grad(wide, wide_label)
    np.testing.assert_allclose(padded, value, rtol=1e-6)
    inner = padded_gradient[:2, :3, :4]
    np.testing.assert_allclose(inner, gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_label_outside_the_classes_is_nan(example, request):
    logits, label = example

    @jax.jit
    def means(label):
        return {name: weighted_mean(*of(logits, label)) for name, of in PLAIN.items()}

    for wrong in (3, -1):
        for name, mean in means(np.where(label == 1, wrong, label)).items():
            assert np.isnan(mean), (name, wrong)


@pytest.mark.slow
def test_another_void_value(example):
    logits, label = example
    moved = np.where(label == 255, 7, label)

    @functools.partial(jax.jit, static_argnames="void")
    def means(label, void):
        return {
            name: weighted_mean(*loss(logits, label, void=void))
            for name, loss in PLAIN.items()
        }

    found = means(moved, void=7)
    for name, expected in means(label, void=255).items():
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_objective_adds_means_with_coefficients():
    floats = lambda *values: np.array(values, np.float32)
    terms = {
        "a": (floats(1, 3), floats(1, 1), 1.0),
        "b": (floats(5, 9)[None], floats(1, 0)[None], 0.4),
        "empty": (floats(5), floats(0), 2.0),
    }
    loss, parts = jax.jit(total_loss)(terms)
    np.testing.assert_allclose(loss, 2.0 + 0.4 * 5.0)
    assert {k: float(v) for k, v in parts.items()} == {"a": 2, "b": 5, "empty": 0}
