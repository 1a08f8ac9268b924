"""Tests elastic deformation: the field, image and label together, and the stream."""

import dataclasses
import itertools

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import elastic, train_batches

CONFIG = DataConfig(crop=(20, 28), scale_range=(1.0, 1.0))


def test_the_field_meets_its_nodes_and_is_smooth():
    nodes = elastic.sample_nodes(np.random.default_rng(0), 10.0)
    field = elastic.displacement(nodes, (41, 61))
    np.testing.assert_allclose(field[:, ::20, ::30], nodes, atol=1e-12)
    assert np.abs(np.diff(field, axis=1)).max() < 3  # pixels per pixel, at sigma 10
    # A natural spline has no curvature at its ends.
    np.testing.assert_allclose(np.diff(field, 2, axis=1)[:, [0, -1]], 0, atol=0.02)


def test_constant_and_linear_nodes_are_reproduced():
    constant = elastic.displacement(np.full((2, 3, 3), 4.0), (9, 13))
    np.testing.assert_allclose(constant, 4.0)
    ramp = np.broadcast_to(np.array([0.0, 4.0, 8.0])[:, None], (2, 3, 3))
    field = elastic.displacement(ramp, (9, 13))
    np.testing.assert_allclose(
        field, np.broadcast_to(np.arange(9.0)[:, None], (2, 9, 13)), atol=1e-12
    )


def test_draws_have_the_width_asked_for():
    rng = np.random.default_rng(0)
    nodes = np.stack([elastic.sample_nodes(rng, 10.0) for _ in range(500)])
    assert nodes.std() == pytest.approx(10, rel=0.03)
    assert abs(nodes.mean()) < 0.5


def test_whole_pixel_shifts_are_exact_and_mirrored():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    label = rng.integers(0, 3, (6, 8)).astype(np.uint8)
    field = np.zeros((2, 6, 8))
    field[0], field[1] = 2, -1
    moved, labels = elastic.deform(image, label, field)
    rows, columns = [2, 3, 4, 5, 4, 3], [1, 0, 1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(moved, image[rows][:, columns])
    np.testing.assert_array_equal(labels, label[rows][:, columns])


def test_image_between_pixels_label_nearest():
    image = np.zeros((2, 3, 3), np.uint8)
    image[:, 1] = 100
    label = np.array([[0, 7, 0]] * 2, np.uint8)
    field = np.zeros((2, 2, 3))
    field[1, :, 0] = 0.7
    moved, labels = elastic.deform(image, label, field)
    assert moved[0, 0].tolist() == [70] * 3 and labels[0].tolist() == [7, 7, 0]


def test_a_field_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"field\.shape=\(2, 4, 4\) is invalid"):
        elastic.deform(
            np.zeros((5, 4, 3), np.uint8),
            np.zeros((5, 4), np.uint8),
            np.zeros((2, 4, 4)),
        )


def batches(source, config, start=0, count=3):
    stream = train_batches(source, config, seed=3, batch_size=4, start_step=start)
    taken = list(itertools.islice(stream, count))
    stream.close()
    return taken


def test_the_stream_is_a_function_of_seed_and_position(small):
    config = dataclasses.replace(CONFIG, elastic=3.0)
    for ours, again in zip(
        batches(small, config)[2:], batches(small, config, 2, 1), strict=True
    ):
        for key in ours:
            np.testing.assert_array_equal(ours[key], again[key])


def test_windows_are_the_same_and_pixels_move_together(small):
    """If image and label move together, the mean color of a class stays nearly the
    same.
    """
    (plain,), (moved,) = (
        batches(small, dataclasses.replace(CONFIG, elastic=sigma), count=1)
        for sigma in (0.0, 4.0)
    )
    np.testing.assert_array_equal(plain["seed"], moved["seed"])
    np.testing.assert_array_equal(plain["index"], moved["index"])
    changed = (plain["label"] != moved["label"]).mean()
    assert 0.02 < changed < 0.7
    same = moved["label"] == plain["label"]
    assert set(np.unique(moved["label"])) <= {*range(7), 255}
    assert same.mean() > 0.3
    for value in range(7):
        before, after = (batch["label"] == value for batch in (plain, moved))
        if min(before.sum(), after.sum()) > 200:
            colors = [
                b["image"][m].mean() for b, m in ((plain, before), (moved, after))
            ]
            assert abs(colors[0] - colors[1]) < 40


def test_bad_options_are_refused(small):
    with pytest.raises(ValueError, match=r"data\.elastic=-1"):
        train_batches(
            small, dataclasses.replace(CONFIG, elastic=-1.0), seed=0, batch_size=4
        )
