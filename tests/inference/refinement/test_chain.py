"""The steps of the refinement of one image, and their order."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxseg
from jaxseg.data import DatasetSpec
from jaxseg.inference.crf_refine import refine
from jaxseg.inference.graphcut import cut_probabilities
from jaxseg.inference.refinement import (
    CRF,
    Clean,
    GraphCut,
    Refinement,
    Refiner,
    fill_holes,
    remove_small,
)
from jaxseg.inference.refinement.components import without_holes, without_small
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.ops.output_form import OutputForm

SPEC = DatasetSpec("three", ("red", "green", "blue"), ((200, 0, 0),) * 3)
OVERLAPPING = dataclasses.replace(SPEC, multilabel=True)
SOFTMAX, BINARY = OutputForm(), OutputForm("binary", 0.3)
MULTILABEL = OutputForm("multilabel", 0.4)


@pytest.fixture(scope="module")
def scene():
    """Probabilities [14, 18, 3] and an image."""
    random = np.random.default_rng(3)
    energy = random.normal(0, 1.5, (14, 18, 3)).astype(np.float32)
    energy[:, :9, 0] += 1
    image = random.integers(0, 80, (14, 18, 3)) + 120 * (np.arange(18) > 8)[:, None]
    return np.asarray(jax.nn.softmax(energy)), image.astype(np.uint8)


def slow_labels(probabilities, limits):
    """The most probable class above its threshold, or the most probable class."""
    label = np.zeros(probabilities.shape[:2], np.int32)
    for y, x in np.ndindex(label.shape):
        order = sorted(range(3), key=lambda k: -probabilities[y, x, k])
        passed = [k for k in order if probabilities[y, x, k] > limits[k]]
        label[y, x] = (passed or order)[0]
    return label


def test_no_step_changes_nothing(scene):
    probabilities, image = scene
    assert not Refinement().is_active and not Refinement(clean=Clean(1)).is_active
    found = Refiner(Refinement(), SPEC, SOFTMAX)(probabilities, image)
    assert (found.labels == probabilities.argmax(-1)).all()
    assert (found.probabilities == probabilities).all()


def test_thresholds_select_the_next_probable_class(scene):
    probabilities, image = scene
    options = Refinement(thresholds=(("red", 0.7), ("blue", 0.5)))
    found = Refiner(options, SPEC, SOFTMAX)(probabilities, image)
    expected = slow_labels(probabilities, (0.7, 0, 0.5))
    assert (found.labels == expected).all()
    assert (expected != probabilities.argmax(-1)).sum() > 10


def test_overlapping_classes_have_thresholds_of_their_own(scene):
    probabilities, image = scene
    options = Refinement(thresholds=(("green", 0.9),), clean=Clean(3, 2))
    found = Refiner(options, OVERLAPPING, MULTILABEL)(probabilities, image)
    for k, limit in enumerate((0.4, 0.9, 0.4)):
        mask = probabilities[..., k] > limit
        expected = without_holes(without_small(mask, 3), 2)
        assert (found.labels[..., k] == expected).all() and (expected != mask).any()


def test_the_order_is_crf_thresholds_cut_regions_holes(scene):
    probabilities, image = scene
    crf = CRF(sigma_xy=5.0, sigma_rgb=30.0, iterations=2, method="exact")
    options = Refinement(crf, (("red", 0.6),), GraphCut(2.0), Clean(6, 9, 4))
    found = Refiner(options, SPEC, SOFTMAX)(probabilities, image)
    p = refine(
        probabilities,
        image,
        crf.kernels,
        iterations=2,
        method="exact",
    )
    np.testing.assert_allclose(found.probabilities, p, atol=1e-5)
    kept = np.where(p > np.float32([0.6, 0, 0]), p, 0)
    kept = np.where(kept.any(-1, keepdims=True), kept, p)
    labels = cut_probabilities(kept, image, gamma=2.0).astype(np.int32)
    labels = remove_small(labels, 6, connectivity=4)
    labels = fill_holes(labels, 9, connectivity=4)
    assert (found.labels == labels).mean() > 0.99  # near ties after the CRF
    assert len(np.unique(labels)) > 1


def test_a_cut_without_boundary_costs_keeps_the_threshold_of_one_logit(scene):
    probabilities, image = scene
    two = np.stack([1 - probabilities[..., 0], probabilities[..., 0]], -1)
    spec = DatasetSpec("two", ("ground", "sky"), ((0, 0, 0), (0, 0, 255)))
    options = Refinement(graphcut=GraphCut(0.0))
    found = Refiner(options, spec, BINARY)(two, image)
    assert (found.labels == (probabilities[..., 0] > 0.3)).all()


@pytest.mark.parametrize(
    ("options", "spec", "form", "message"),
    [
        (Refinement(CRF()), OVERLAPPING, MULTILABEL, "crf=True is invalid"),
        (
            Refinement(graphcut=GraphCut()),
            OVERLAPPING,
            MULTILABEL,
            "graphcut=True is invalid for a network whose classes can overlap",
        ),
        (
            Refinement(thresholds=(("grene", 0.5),)),
            SPEC,
            SOFTMAX,
            "class_thresholds='grene' is invalid: expected .*'green'",
        ),
        (
            Refinement(thresholds=(("red", 0.5), ("red", 0.6))),
            SPEC,
            SOFTMAX,
            "class_thresholds='red' is invalid: expected each class at most once",
        ),
        (
            Refinement(thresholds=(("red", 0.5),)),
            SPEC,
            BINARY,
            "is invalid for a network with one logit",
        ),
    ],
)
def test_steps_that_do_not_suit_the_classes_are_refused(options, spec, form, message):
    with pytest.raises(ValueError, match=message):
        Refiner(options, spec, form)


def test_a_segmenter_refines(scene, fill):
    _, image = scene
    model = jaxseg.create_model("unet", num_classes=3, width=4, depth=1)
    variables = fill(model, (1, 8, 8, 3))
    plain = jaxseg.Segmenter(model, variables, SPEC).predict(image)
    options = Refinement(clean=Clean(20))
    refining = jaxseg.Segmenter(
        model, variables, SPEC, options=PredictOptions(refinement=options)
    )
    found = refining.predict(image)
    expected = remove_small(plain.probabilities.argmax(-1).astype(np.int32), 20)
    assert (found.labels == expected).all() and (expected != plain.labels).any()
    assert (found.probabilities == plain.probabilities).all()
