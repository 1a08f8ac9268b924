"""Counts: golden, against a loop, and at the limits of int32 and float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxseg.metrics import ConfusionTotal, confusion, scores

counted = jax.jit(confusion, static_argnums=2, static_argnames="void")


def slow(prediction, label, classes, void=255):
    matrix = np.zeros((classes + 1, classes), int)
    for p, y in zip(np.ravel(prediction), np.ravel(label), strict=True):
        matrix[classes if y == void else y, p] += 1
    return matrix


def test_golden():
    label = np.array([[0, 0, 1, 255], [2, 2, 2, 255]])
    prediction = np.array([[0, 1, 1, 2], [2, 2, 0, 2]])
    matrix = counted(prediction, label, 3)
    assert matrix.dtype == jnp.int32
    expected = [[1, 1, 0], [0, 1, 0], [1, 0, 2], [0, 0, 2]]
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), classes=st.sampled_from([2, 5]))
def test_equals_a_loop_and_counts_every_pixel(seed, classes):
    random = np.random.default_rng(seed)
    label = random.integers(0, classes + 1, (2, 5, 7))
    label = np.where(label == classes, 255, label).astype(np.uint8)
    prediction = random.integers(0, classes, (2, 5, 7))
    matrix = counted(prediction, label, classes)
    np.testing.assert_array_equal(matrix, slow(prediction, label, classes))
    assert matrix.sum() == label.size


@pytest.mark.parametrize(
    ("prediction", "label"), [([0, 3], [0, 1]), ([0, -1], [0, 1]), ([0, 1], [0, 3]),
                              ([0, 1], [0, -1]), ([3, 1], [255, 1])]
)  # fmt: skip
def test_values_outside_the_classes_are_an_error_on_the_host(prediction, label):
    matrix = counted(np.array(prediction), np.array(label), 3)
    np.testing.assert_array_equal(matrix, -1)
    with pytest.raises(ValueError, match=r"neither void nor in 0\.\.2"):
        ConfusionTotal(3).add(matrix)
    with pytest.raises(ValueError, match="expected counts of 0 or more"):
        scores(matrix)


def test_void_may_be_the_number_of_classes():
    matrix = counted(np.array([0, 1, 1]), np.array([0, 2, 1]), 2, void=2)
    np.testing.assert_array_equal(matrix, [[1, 0], [0, 1], [0, 1]])


def test_total_passes_int32_and_float32():
    total = ConfusionTotal(2)
    big = np.array([[2**31 - 1, 0], [0, 2**24], [0, 0]], np.int32)
    one = jnp.array([[1, 0], [0, 1], [0, 5]], jnp.int32)
    total.add(big)
    total.add(big)
    total.add(one)
    assert total.matrix.dtype == np.int64
    assert total.matrix.tolist() == [[2**32 - 1, 0], [0, 2**25 + 1], [0, 5]]
    assert np.float32(2**25) + np.float32(1) == 2**25  # what float32 would have lost
    assert scores(total.matrix)["pixels"].tolist() == [2**32 - 1, 2**25 + 1]


def test_wrong_matrices_are_named():
    with pytest.raises(
        ValueError, match=r"shape=\(2, 2\) is invalid: expected \(3, 2\)"
    ):
        ConfusionTotal(2).add(np.zeros((2, 2), np.int32))
    with pytest.raises(ValueError, match="float32 is invalid: expected integers"):
        ConfusionTotal(2).add(np.zeros((3, 2), np.float32))
    with pytest.raises(ValueError, match="num_classes=0 is invalid"):
        ConfusionTotal(0)
    with pytest.raises(ValueError, match="the shape of the label"):
        confusion(jnp.zeros((2, 3), int), jnp.zeros((3, 2), int), 2)
