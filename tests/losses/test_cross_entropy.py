"""Cross entropy against float64 numpy, by hand, and against plain autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.losses import cross_entropy, focal, pixel_nll, weighted_mean

WEIGHTS = (0.5, 2.0, 3.0)


def slow(probability, label, weights=(1, 1, 1), smoothing=0.0, by_weights=False):
    above = below = 0.0
    for at in np.argwhere(label != 255):
        k, p = label[tuple(at)], probability[tuple(at)]
        target = np.full(3, smoothing / 3)
        target[k] += 1 - smoothing
        above += -weights[k] * (target * np.log(p)).sum()
        below += weights[k] if by_weights else 1
    return above / below


def test_golden_value():
    logits = np.log(np.array([[[[0.7, 0.2, 0.1], [0.25, 0.5, 0.25]]]], np.float32))
    value, weight = jax.jit(cross_entropy)(logits, np.array([[[0, 2]]]))
    np.testing.assert_allclose(value, -np.log([[[0.7, 0.25]]]), rtol=1e-6)
    np.testing.assert_array_equal(weight, [[[1, 1]]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("divide_by", ["pixels", "weights"])
def test_equals_slow_form(example, same_as, smoothing, divide_by):
    def loss(z, label):
        return cross_entropy(
            z,
            label,
            class_weights=WEIGHTS,
            smoothing=smoothing,
            divide_by=divide_by,
        )

    def reference(p, label):
        return slow(p, label, WEIGHTS, smoothing, divide_by == "weights")

    same_as(loss, reference, *example)


def test_caffe_and_torch_normalization_differ_as_stated(example):
    logits, label = example

    @jax.jit
    def run(z):
        options = {"class_weights": WEIGHTS}
        caffe = cross_entropy(z, label, **options)
        torch = cross_entropy(z, label, divide_by="weights", **options)
        return weighted_mean(*caffe), weighted_mean(*torch)

    caffe, torch = run(logits)
    counts = np.bincount(label[label != 255], minlength=3)
    ratio = (counts * np.array(WEIGHTS)).sum() / counts.sum()
    np.testing.assert_allclose(caffe, torch * ratio, rtol=1e-5)


def test_custom_gradient_is_that_of_log_softmax():
    random = np.random.default_rng(0)
    logits = random.normal(0, 5, (2, 5, 7, 11)).astype(np.float32)
    label = random.integers(0, 11, (2, 5, 7)).astype(np.int32)
    scale = random.normal(0, 1, (2, 5, 7)).astype(np.float32)

    def plain(z):
        picked = jnp.take_along_axis(jax.nn.log_softmax(z), label[..., None], -1)
        return -(picked[..., 0] * scale).sum()

    ours = lambda z: (pixel_nll(z, label) * scale).sum()
    both = jax.jit(lambda z: [jax.grad(of)(z) for of in (ours, plain)])
    np.testing.assert_allclose(*both(logits), rtol=1e-5, atol=1e-6)


def test_large_logits_and_bfloat16():
    logits = np.array([[[[1000.0, -1000.0]]]], jnp.bfloat16)
    label = np.array([[[1]]])
    run = jax.jit(jax.value_and_grad(lambda z: pixel_nll(z, label).sum()))
    loss, gradient = run(logits)
    assert loss == 2000 and loss.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16
    gradient = np.asarray(gradient).astype(np.float32)
    np.testing.assert_array_equal(gradient, [[[[1, -1]]]])


def test_gradient_keeps_no_softmax():
    """Between the passes only logits and one float per pixel are kept."""
    logits = np.zeros((1, 4, 4, 50), np.float32)
    label = np.zeros((1, 4, 4), np.int32)
    pull = jax.jit(lambda z: jax.vjp(lambda z: pixel_nll(z, label), z)[1])(logits)
    kept = sorted(x.size for x in jax.tree.leaves(pull))
    assert kept.count(logits.size) == 1
    assert sum(kept) <= logits.size + 2 * label.size


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_equals_slow_form(example, same_as, gamma):
    def reference(p, label):
        known = label != 255
        k = label[known]
        aim = p[known][np.arange(k.size), k]
        scale = np.array(WEIGHTS)[k] * (1 - aim) ** gamma
        return (-scale * np.log(aim)).sum() / known.sum()

    def loss(z, label):
        return focal(z, label, gamma=gamma, class_weights=WEIGHTS)

    same_as(loss, reference, *example)


def test_focal_at_certainty_is_finite():
    logits = np.array([[[[200.0, 0.0]]]], np.float32)

    def loss(z):
        return focal(z, np.array([[[0]]]), gamma=0.5)[0].sum()

    value, gradient = jax.jit(jax.value_and_grad(loss))(logits)
    assert value == 0 and not np.any(gradient)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": 1.0}, "smoothing=1.0 is invalid"),
        ({"divide_by": "batch"}, "divide_by='batch' is invalid"),
        ({"class_weights": (1.0, 2.0)}, r"\(2,\) is invalid: expected \(3,\)"),
    ],
)
def test_wrong_options_are_named(example, options, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda *given: cross_entropy(*given, **options), *example)


def test_shapes_that_do_not_fit_are_named(example):
    logits, label = example
    with pytest.raises(ValueError, match=r"\(2, 3, 3\) is invalid"):
        cross_entropy(logits, label[..., :3])
    with pytest.raises(ValueError, match="float32"):
        cross_entropy(logits, label.astype(np.float32))


def test_nan_reaches_the_gradient_of_its_pixel_unless_that_is_void():
    logits = np.zeros((1, 1, 3, 4), np.float32)
    logits[0, 0, :2, 1] = np.nan
    label = np.array([[[0, 255, 2]]])
    run = jax.jit(jax.grad(lambda z: pixel_nll(z, label).sum()))
    gradient = np.asarray(run(logits))[0, 0]
    assert np.isnan(gradient[0]).all()
    np.testing.assert_array_equal(gradient[1], 0.0)
    np.testing.assert_allclose(gradient[2], [0.25, 0.25, -0.75, 0.25], rtol=1e-6)
