"""A small labeled example, and the comparison with slow float64 code."""

import jax
import numpy as np
import pytest

from jaxseg.losses import weighted_mean


@pytest.fixture
def example():
    """Logits [2, 3, 4, 3] and labels with void pixels; image 1 lacks class 2."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 1.5, (2, 3, 4, 3)).astype(np.float32)
    label = random.integers(0, 3, (2, 3, 4)).astype(np.int32)
    label[1] = np.minimum(label[1], 1)
    label[0, 0, :2] = 255
    label[1, 2, 3] = 255
    return logits, label


def softmax(logits):
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


@pytest.fixture
def same_as():
    """`same_as(loss, slow, logits, label)`: value and gradient agree.

    `slow(probability, label)` is numpy in float64 on the softmax; its gradient is by
    central differences. Returns the value.
    """

    def check(loss, slow, logits, label, rtol=2e-5, atol=2e-6):
        def scalar(z):
            return weighted_mean(*loss(z, label))

        value, gradient = jax.jit(jax.value_and_grad(scalar))(logits)
        exact = logits.astype(np.float64)
        np.testing.assert_allclose(value, slow(softmax(exact), label), rtol=rtol)
        numeric, h = np.zeros(exact.shape), 1e-5
        for at in np.ndindex(exact.shape):
            up, down = exact.copy(), exact.copy()
            up[at] += h
            down[at] -= h
            change = slow(softmax(up), label) - slow(softmax(down), label)
            numeric[at] = change / (2 * h)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=atol)
        assert np.abs(numeric).max() > 1e-4
        return float(value)

    return check
