"""Tests filling, tracing and drawing of polygons."""

import json

import numpy as np
import pytest

from jaxseg.data.polygons import (
    AnnotatedImage,
    DrawRules,
    Shape,
    draw_labels,
    fill_rings,
    label_features,
    trace_rings,
)


def by_winding_angle(ring, size):
    """Fills rings by the total angle around each center, as a slow second
    implementation.
    """
    inside = np.zeros(size, bool)
    for row, column in np.ndindex(size):
        points = np.array(ring) - (column + 0.5, row + 0.5)
        angles = np.arctan2(points[:, 1], points[:, 0])
        turns = (np.roll(angles, -1) - angles + np.pi) % (2 * np.pi) - np.pi
        inside[row, column] = round(turns.sum() / (2 * np.pi)) % 2 == 1
    return inside


def test_fill_equals_the_angle_that_the_ring_turns_about_each_center():
    random = np.random.default_rng(0)
    for _ in range(20):
        ring = [tuple(p) for p in random.uniform(-3, 15, (random.integers(3, 8), 2))]
        np.testing.assert_array_equal(
            fill_rings([ring], (9, 12)), by_winding_angle(ring, (9, 12))
        )


def test_neighbors_share_no_pixel_and_leave_none_out():
    random = np.random.default_rng(1)
    cut = [tuple(p) for p in random.uniform(0, 12, (4, 2))]
    cut = [(0, 4.5), *cut, (12, 7.5)]  # through centers of pixels at both ends
    above = [(0, 0), *cut, (12, 0)]
    below = [(0, 12), *cut, (12, 12)]
    both = fill_rings([above], (12, 12)).astype(int) + fill_rings([below], (12, 12))
    np.testing.assert_array_equal(both % 2, 1)


def test_a_ring_in_a_ring_is_a_hole_unless_rings_are_parts():
    outer = [(0, 0), (6, 0), (6, 6), (0, 6)]
    inner = [(2, 2), (4, 2), (4, 4), (2, 4)]
    assert fill_rings([outer, inner], (6, 6)).sum() == 36 - 4
    assert fill_rings([outer, inner], (6, 6), union=True).sum() == 36
    assert fill_rings([outer[:2]], (6, 6)).sum() == 0


@pytest.mark.parametrize("seed", range(5))
def test_tracing_and_filling_give_the_mask_again(seed):
    random = np.random.default_rng(seed)
    mask = random.random((13, 17)) < (0.3, 0.5, 0.7, 1.0, 0.0)[seed]
    rings = trace_rings(mask)
    np.testing.assert_array_equal(fill_rings(rings, mask.shape), mask)
    perimeter = sum(
        abs(np.diff([*ring, ring[0]], axis=0)).sum() for ring in map(list, rings)
    )
    padded = np.pad(mask, 1).astype(int)
    edges = abs(np.diff(padded, axis=0)).sum() + abs(np.diff(padded, axis=1)).sum()
    assert perimeter == edges


def test_outlines_run_clockwise_and_holes_counterclockwise():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    outline, hole = trace_rings(mask)
    assert set(outline) == {(0, 0), (5, 0), (5, 5), (0, 5)}
    assert outline[(outline.index((0, 0)) + 1) % 4] == (5, 0)
    assert set(hole) == {(2, 2), (3, 2), (3, 3), (2, 3)}
    assert hole[(hole.index((2, 2)) + 1) % 4] == (2, 3)


def square(label, left, top, side):
    return Shape(
        label,
        (
            (
                (left, top),
                (left + side, top),
                (left + side, top + side),
                (left, top + side),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("overlap", "middle"), [("later", 1), ("smaller", 2), ("void", 255)]
)
def test_a_pixel_of_two_shapes(overlap, middle):
    shapes = (square("disc", 2, 2, 2), square("box", 1, 1, 4))
    image = AnnotatedImage("a.png", (6, 6), shapes)
    rules = DrawRules(("ground", "box", "disc"), "ground", overlap)
    labels = draw_labels(image, rules)
    assert labels[3, 3] == middle
    assert labels[1, 1] == 1
    assert labels[0, 0] == 0


def test_labels_that_are_not_classes_are_void_only_if_the_rules_say_so():
    image = AnnotatedImage("a.png", (4, 4), (square("sky", 0, 0, 2),), "a.json")
    with pytest.raises(
        ValueError, match=r"^a\.json: image 'a\.png' .*'sky'.*one of box"
    ):
        draw_labels(image, DrawRules(("box",)))
    labels = draw_labels(image, DrawRules(("box",), "box", void_labels=("sky",)))
    np.testing.assert_array_equal(labels[:2, :2], 255)
    assert (labels == 0).sum() == 12


def test_geojson_draws_the_labels_again():
    labels = np.random.default_rng(2).integers(0, 3, (8, 11))
    labels[3:6, 3:6] = 2
    labels[4, 4] = 255
    found = json.loads(json.dumps(label_features(labels, ("a", "b", "c"))))
    drawn = np.full(labels.shape, 255)
    for feature in found["features"]:
        rings = feature["geometry"]["coordinates"]
        assert all(ring[0] == ring[-1] for ring in rings)
        inside = fill_rings(rings, labels.shape)
        assert (drawn[inside] == 255).all()
        assert inside.sum() == feature["properties"]["pixels"]
        drawn[inside] = feature["properties"]["label"]
    np.testing.assert_array_equal(drawn, labels)
    moved = label_features(labels, "abc", transform=(2, 0, 100, 0, -2, 50))
    for one, other in zip(found["features"], moved["features"], strict=True):
        (x, y), (u, v) = (f["geometry"]["coordinates"][0][0] for f in (one, other))
        assert (u, v) == (100 + 2 * x, 50 - 2 * y)


def test_labels_of_more_than_255_classes_have_16_bits():
    ring = ((0, 0), (2, 0), (2, 1), (0, 1))
    names = tuple(f"c{k}" for k in range(300))
    image = AnnotatedImage("a", (2, 2), (Shape("c255", (ring,)),))
    labels = draw_labels(image, DrawRules(names))
    assert labels.dtype == np.uint16
    assert labels.tolist() == [[255, 255], [65535, 65535]]
    (feature,) = label_features(labels, names)["features"]
    assert feature["properties"] == {"class": "c255", "label": 255, "pixels": 2}
