"""Image and label move together, and as Pillow moves them."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from jaxseg.data.augment.parsing import parse_entries
from jaxseg.data.augment.resampling import pixel_centers, resample
from jaxseg.data.augment.stages import change_scene, split
from tests.data.augment.scenes import coordinate_scene, photo

SIZE = (48, 64)
LISTS = {
    "flip": ["flip"],
    "vertical flip": ["flip(axis=vertical)"],
    "rotate90": ["rotate90"],
    "rotate": ["rotate(degrees=60)"],
    "affine": [
        "affine(scale=(0.5, 1.7), degrees=30, shear=20, translate=0.2)",
    ],
    "elastic": ["elastic(sigma=4, nodes=4)"],
    "grid": ["grid_distortion(cells=4, limit=0.6)"],
    "all": ["rotate(degrees=40)", "flip", "grid_distortion", "elastic", "affine"],
}


def changed(texts, scene, seed=0):
    _, entries = split(parse_entries(tuple(texts)))
    draws = lambda place: np.random.default_rng((seed, place))
    return change_scene(entries, scene, draws, partner=None)


@pytest.mark.parametrize("name", LISTS)
def test_image_and_label_agree_on_coordinates(name):
    size = (48, 48) if name == "rotate90" else SIZE
    scene, outside = coordinate_scene(size), 0
    for seed in range(8):
        moved, applied = changed(LISTS[name], scene, seed)
        assert moved.label.shape == size and len(applied) == len(LISTS[name])
        void = moved.label == 65535
        outside += void.sum()
        np.testing.assert_array_equal(moved.image[void], 0)
        np.testing.assert_array_equal(moved.image[~void][:, 2], 1)
        rows, columns = np.divmod(moved.label[~void].astype(int), size[1])
        # The nearest pixel is at most half a pixel from the interpolated position.
        for axis, places in enumerate((rows, columns)):
            error = np.abs(moved.image[~void][:, axis] - places)
            assert error.max() <= 0.5 + 1e-3
        assert len(np.unique(moved.label)) > 0.2 * np.prod(size)
    moves_out = {"rotate", "affine", "elastic", "all"}
    assert (outside > 0) == (name in moves_out)


def test_flips_and_quarter_turns_reorder_pixels_exactly():
    scene = coordinate_scene((12, 12))
    for text, expected in (
        ("flip", np.fliplr),
        ("flip(axis=vertical)", np.flipud),
    ):
        moved, _ = changed([text], scene)
        np.testing.assert_array_equal(moved.image, expected(scene.image))
    turns = set()
    for seed in range(12):
        moved, (applied,) = changed(["rotate90"], scene, seed)
        turns.add(applied.drawn["turns"])
        expected = np.rot90(scene.image, applied.drawn["turns"])
        np.testing.assert_array_equal(moved.image, expected)
        # With an interpolated entry that does nothing, the points give the same result.
        both, _ = changed(["rotate90", "rotate(degrees=0)"], scene, seed)
        np.testing.assert_array_equal(both.image, expected)
        np.testing.assert_array_equal(
            both.label, np.rot90(scene.label, applied.drawn["turns"])
        )
    assert turns == {1, 2, 3}


def test_rotation_is_that_of_pillow():
    scene = photo()
    for seed in range(4):
        moved, (applied,) = changed(["rotate(degrees=50)"], scene, seed)
        angle = applied.drawn["degrees"]
        image, label = Image.fromarray(scene.image), Image.fromarray(scene.label)
        nearest = np.asarray(label.rotate(angle, fillcolor=255))
        assert (nearest == moved.label).mean() > 0.995  # Pillow rounds positions.
        linear = image.rotate(
            angle, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128)
        )
        same = (nearest == 255) == (moved.label == 255)
        error = np.abs(np.asarray(linear).astype(int) - moved.image)[same]
        assert error.max() <= 1  # Pillow truncates.


def test_affine_maps_are_those_of_pillow():
    scene = photo()
    height, width = scene.label.shape
    center = np.array([width / 2, height / 2])
    for seed in range(4):
        text = "affine(scale=(0.7, 1.4), degrees=30, shear=25, translate=0.2)"
        moved, (applied,) = changed([text], scene, seed)
        drawn = applied.drawn
        angle, tilt = np.radians([drawn["degrees"], drawn["shear"]])
        # In (x, y) with y down, a counterclockwise rotation turns x towards -y.
        turn = np.array(
            [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        )
        forward = drawn["scale"] * turn @ np.array([[1, np.tan(tilt)], [0, 1]])
        back = np.linalg.inv(forward)
        shift = center - back @ (center + np.array(drawn["shift"][::-1]))
        matrix = (*back[0], shift[0], *back[1], shift[1])
        label = Image.fromarray(scene.label).transform(
            (width, height), Image.Transform.AFFINE, matrix, fillcolor=255
        )
        assert (np.asarray(label) == moved.label).mean() > 0.99


def test_consecutive_entries_are_interpolated_once():
    """Enlarging and reducing restores a picture, whose border one alone would lose."""
    scene = photo()
    both, _ = changed(["affine(scale=(2, 2))", "affine(scale=(0.5, 0.5))"], scene)
    np.testing.assert_array_equal(both.image, scene.image)
    np.testing.assert_array_equal(both.label, scene.label)
    reduced, _ = changed(["affine(scale=(0.5, 0.5))"], scene)
    assert (reduced.label == 255).mean() == pytest.approx(0.75, abs=0.01)


def test_images_of_any_type_keep_it():
    for dtype, channels, high in ((np.uint16, 1, 65535), (np.float32, 5, 1.0)):
        scene = photo(channels=channels)
        image = (scene.image / 255 * high).astype(dtype)
        frame = dataclasses.replace(
            scene.frame, high=float(high), fill=(0.25 * high,) * channels
        )
        scene = dataclasses.replace(scene, image=image, frame=frame)
        moved, _ = changed(["rotate(degrees=45)"], scene)
        assert moved.image.dtype == dtype and moved.image.shape == image.shape
        outside = moved.image[moved.label == 255].astype(float)
        np.testing.assert_allclose(outside, 0.25 * high, atol=0.51 if high > 1 else 0)


def test_resampling_is_that_of_scipy():
    """On more rows than are read at a time, and far outside of the image."""
    scene, rng = photo((150, 40)), np.random.default_rng(0)
    points = pixel_centers((150, 40)) + rng.normal(0, 12, (2, 150, 40))
    points = points.astype(np.float32)
    got = resample(scene, points)
    places = points - np.float32(0.5)
    height, width = scene.label.shape
    inside = ((points >= 0) & (points < [[[height]], [[width]]])).all(0)
    for channel in range(3):
        plane = scene.image[..., channel]
        values = map_coordinates(plane, places, float, order=1, mode="nearest")
        error = np.abs(got.image[..., channel] - values)[inside]
        assert error.max() <= 0.5 + 1e-3
    near = map_coordinates(scene.label, places, order=0, mode="nearest")
    np.testing.assert_array_equal(got.label, np.where(inside, near, 255))
