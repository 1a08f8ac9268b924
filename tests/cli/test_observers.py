"""Observers of an evaluation see every example once, whatever the batches."""

import jax
import numpy as np
import pytest

from jaxseg import open_run
from jaxseg.data import open_source
from jaxseg.tasks.evaluation import evaluate_network


class Everything:
    """Keeps what it observes."""

    def __init__(self, needs_probabilities):
        self.needs_probabilities = needs_probabilities

    def measure(self, example):
        return example


def observe(run, size, devices, *, space=1, probabilities=False):
    """The evaluation of nine images of two sizes, as an observer sees it."""
    found = evaluate_network(
        run.config,
        run.spec,
        run.model,
        run.variables,
        split="validation[:9]",
        batch_size=size,
        chosen=jax.devices()[:devices],
        space=space,
        observers=(Everything(probabilities), Everything(False)),
    )
    return found, found.results[0]


@pytest.fixture(scope="module")
def run(trained):
    return open_run(trained)


@pytest.fixture(scope="module")
def plain(run):
    return observe(run, 4, 2, probabilities=True)


def test_labels_and_images_are_those_of_the_source(run, plain):
    source = open_source(run.config.data, "validation[:9]")
    _, examples = plain
    assert [example.index for example in examples] == list(range(9))
    assert [example.name for example in examples] == list(source.ids)
    for example in examples:
        stored = source[example.index]
        np.testing.assert_array_equal(example.label, stored["label"])
        np.testing.assert_array_equal(example.inputs["image"], stored["image"])
        assert example.prediction.shape == stored["label"].shape


def test_the_observed_pixels_are_those_of_the_matrix(plain):
    found, examples = plain
    matrix = np.zeros((7, 7), int)
    for example in examples:
        known = example.label != example.void
        np.add.at(matrix, (example.label[known], example.prediction[known]), 1)
        probabilities = example.probabilities
        np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
        np.testing.assert_array_equal(probabilities.argmax(-1), example.prediction)
    np.testing.assert_array_equal(matrix, found.total.matrix[:-1])
    assert found.results[1][0] is examples[0]  # One pass serves all observers.


@pytest.mark.slow
def test_batch_size_and_devices_change_no_pixel(run, plain):
    for size, devices in ((1, 8), (7, 1)):
        _, examples = observe(run, size, devices)
        for one, other in zip(examples, plain[1], strict=True):
            np.testing.assert_array_equal(one.label, other.label)
            np.testing.assert_array_equal(one.prediction, other.prediction)
            assert one.probabilities is None


@pytest.mark.slow
def test_rows_of_one_image_on_several_devices(run, plain):
    _, examples = observe(run, 4, 8, space=4)
    for one, other in zip(examples, plain[1], strict=True):
        np.testing.assert_array_equal(one.prediction, other.prediction)


def test_an_error_of_an_observer_is_raised(run):
    class Broken(Everything):
        def measure(self, example):
            raise ValueError(f"{example.name} is broken")

    with pytest.raises(ValueError, match="is broken"):
        evaluate_network(
            run.config,
            run.spec,
            run.model,
            run.variables,
            chosen=jax.devices()[:1],
            observers=(Broken(False),),
        )
