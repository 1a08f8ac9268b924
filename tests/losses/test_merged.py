"""Labels that merge classes: slow code, differences, and plain cross entropy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.losses import (
    build_objective,
    cross_entropy,
    members_of,
    merged_nll,
    pixel_nll,
    weighted_mean,
)

MERGED = ((0, 2), (0, 1, 2))  # The labels 3 and 4 of three classes.
SETS = ((0,), (1,), (2,), *MERGED)


@pytest.fixture
def partial(example):
    """Logits, and labels of which a third are merged."""
    logits, label = example
    label = label.copy()
    label[0, 1], label[1, 0, :2] = 3, 4
    return logits, label


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_slow_form_and_its_differences(partial, same_as, smoothing):
    def slow(probability, label):
        losses = []
        for at in np.argwhere(label != 255):
            p = probability[tuple(at)]
            inner = -np.log(sum(p[k] for k in SETS[label[tuple(at)]]))
            # With smoothing, all classes have a share of the target, relative to
            # the logits, whose normalization cancels.
            spread = -np.log(p).mean()
            losses.append((1 - smoothing) * inner + smoothing * spread)
        return np.mean(losses)

    same_as(
        lambda z, label: cross_entropy(z, label, merged=MERGED, smoothing=smoothing),
        slow,
        *partial,
    )


def test_gradient_is_that_of_log_of_summed_softmax(partial):
    logits, label = partial

    def plain(z):
        inside = jnp.where(members_of(label, MERGED, 3), jax.nn.softmax(z), 0)
        return -jnp.where(label == 255, 0, jnp.log(inside.sum(-1) + 0.0)).sum()

    ours = lambda z: merged_nll(z, label, MERGED).sum()
    found, wanted = jax.jit(lambda z: [jax.grad(of)(z) for of in (ours, plain)])(logits)
    keep = (label != 255)[..., None]
    np.testing.assert_allclose(found, np.where(keep, wanted, 0), rtol=1e-4, atol=2e-6)


def test_equals_plain_cross_entropy_where_no_label_merges(example):
    logits, label = example
    one_to_one = jax.value_and_grad(lambda z: merged_nll(z, label, MERGED).sum())
    plain = jax.value_and_grad(lambda z: pixel_nll(z, label).sum())

    @jax.jit
    def run(z):
        values = merged_nll(z, label, ()), pixel_nll(z, label)
        return values, one_to_one(z), plain(z)

    values, found, wanted = run(logits)
    np.testing.assert_array_equal(*values)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_large_logits_void_and_labels_out_of_range():
    logits = np.array([[[[1000.0, -1000.0, 999.0]] * 4]], np.float32)
    label = np.array([[[3, 1, 255, 4]]])

    @jax.jit
    def run(z):
        total = lambda z: merged_nll(z, label, ((1, 2),))[..., :3].sum()
        return merged_nll(z, label, ((1, 2),)), jax.grad(total)(z)

    value, gradient = map(np.asarray, run(logits))
    expected = [1 + np.log1p(np.exp(-1)), 2000 + np.log1p(np.exp(-1)), 0]
    np.testing.assert_allclose(value[0, 0, :3], expected, rtol=1e-4)
    assert np.isnan(value[0, 0, 3])
    found = gradient[0, 0, :3]
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[2], 0)
    np.testing.assert_allclose(found.sum(-1), 0, atol=1e-4)


def test_a_label_of_all_classes_costs_nothing(example):
    logits, _ = example
    label = np.full(logits.shape[:3], 3)
    loss = lambda z: weighted_mean(*cross_entropy(z, label, merged=((0, 1, 2),)))
    value, gradient = jax.jit(jax.value_and_grad(loss))(logits)
    np.testing.assert_allclose(value, 0, atol=1e-6)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_wrong_sets_and_class_weights_are_refused(example):
    for merged in (((0, 3),), ((),)):
        with pytest.raises(ValueError, match=r"merged=.* expected one or more classes"):
            cross_entropy(*example, merged=merged)
    with pytest.raises(ValueError, match="expected None, because `merged` is given"):
        cross_entropy(*example, merged=MERGED, class_weights=(1, 2, 3))


def test_the_objective_passes_merged_labels_to_all_outputs(partial):
    logits, label = partial
    outputs, batch = {"logits": logits, "aux": 2 * logits}, {"label": label}
    terms = jax.jit(build_objective("cross_entropy", merged=MERGED))(outputs, batch)
    nll = jax.jit(lambda z: merged_nll(z, label, MERGED))
    for name, factor in (("cross_entropy", 1), ("aux", 2)):
        np.testing.assert_array_equal(terms[name][0], nll(factor * logits))
    with pytest.raises(ValueError, match=r"loss\.name='dice' is invalid with labels"):
        build_objective("dice", merged=MERGED)
    further = build_objective("cross_entropy", merged=MERGED)
    outputs = {"logits": logits, "extra_presence": logits[:, 0, 0]}
    with pytest.raises(ValueError, match="'extra_presence' is invalid with labels"):
        jax.eval_shape(further, outputs, batch)
