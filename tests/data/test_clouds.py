"""Tests generated rooms, their preparation, and batches of clouds."""

import dataclasses

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import (
    Clouds,
    class_frequencies,
    cloud_eval_batches,
    cloud_train_batches,
    open_clouds,
    open_source,
)
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.cloud_pipeline import augmented_points, train_example
from jaxseg.data.datasets import DATASETS
from jaxseg.data.drawings.rooms import draw_room
from jaxseg.data.prepare import prepare

CONFIG = DataConfig(
    "rooms",
    num_points=64,
    point_jitter=0.005,
    scale_range=(0.9, 1.1),
    color_jitter=0.1,
    workers=2,
)


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    """Builds six rooms of 40 to 90 points for training and three for validation."""
    config = drawn_config(DATASETS["rooms"], size=(40, 90), train=6, validation=3)
    return prepare(config, tmp_path_factory.mktemp("rooms"))


@pytest.fixture(scope="module")
def source(builder):
    return Clouds(builder.as_data_source("train"), builder.spec(), split="train")


def take(iterator, count):
    return [batch for batch, _ in zip(iterator, range(count), strict=False)]


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_room_follows_from_its_seed_and_has_its_classes():
    points, color, label = draw_room(np.random.default_rng(3), 3000)
    again = draw_room(np.random.default_rng(3), 3000)
    equal(
        dict(zip("plc", (points, label, color), strict=True)),
        dict(zip("plc", (again[0], again[2], again[1]), strict=True)),
    )
    assert points.dtype == np.float32 and color.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) == {*range(9), 255}
    assert np.abs(points[label == 0, 2]).max() < 0.05  # the floor is at z = 0
    height = points[label == 1, 2].mean()
    assert 2.3 < height < 3.0 and points[label == 8, 2].min() > 1.4
    assert 0.005 < (label == 255).mean() < 0.04


def test_color_alone_tells_little_and_height_more():
    """A nearest-mean classifier is near chance on colors and well above it on
    heights.
    """
    drawn = [draw_room(np.random.default_rng(i), 800) for i in range(40)]
    points, color, label = (np.concatenate(part) for part in zip(*drawn, strict=True))
    kept = label != 255

    def balanced(feature):
        train, test = np.arange(len(label)) < 16_000, np.arange(len(label)) >= 16_000
        means = np.stack(
            [feature[kept & train & (label == k)].mean(0) for k in range(9)]
        )
        found = np.square(feature[:, None] - means).sum(-1).argmin(1)
        return np.mean(
            [(found == k)[kept & test & (label == k)].mean() for k in range(9)]
        )

    assert balanced(color.astype(np.float64)) < 0.2
    assert balanced(points[:, 2:].astype(np.float64)) > 0.3


def test_prepared_rooms_are_those_drawn(source):
    assert len(source) == 6 and source.spec == DATASETS["rooms"].spec
    assert sorted(source.ids) == [f"{i:05d}" for i in range(6)]
    for index, name in enumerate(source.ids):
        rng = np.random.default_rng((0, 0, int(name)))
        count = int(rng.integers(40, 90, endpoint=True))
        points, color, label = draw_room(rng, count)
        example = source[index]
        np.testing.assert_array_equal(example["points"], points)
        np.testing.assert_array_equal(example["color"], color)
        np.testing.assert_array_equal(source.label(index), label)
        assert source.counts[index] == count
    assert len(set(source.counts)) > 2
    with pytest.raises(IndexError, match="index=6 is invalid: expected 0 to 5"):
        source[6]


def test_class_counts_are_of_all_clouds(source):
    pixels = class_frequencies(source).pixels
    labels = np.concatenate([source.label(i) for i in range(6)])
    assert pixels == tuple(np.bincount(labels, minlength=256)[:9].tolist())


def test_a_stream_resumes_exactly_and_splits_over_processes(source):
    how = {"seed": 5, "batch_size": 4}
    whole = take(cloud_train_batches(source, CONFIG, **how), 4)
    for batch, again in zip(
        whole[2:],
        cloud_train_batches(source, CONFIG, start_step=2, **how),
        strict=False,
    ):
        equal(batch, again)
    halves = [
        take(
            cloud_train_batches(
                source, CONFIG, process_index=i, process_count=2, **how
            ),
            2,
        )
        for i in range(2)
    ]
    for step in range(2):
        joined = {k: np.concatenate([h[step][k] for h in halves]) for k in whole[0]}
        equal(whole[step], joined)
    other = next(cloud_train_batches(source, CONFIG, seed=6, batch_size=4))
    assert not np.array_equal(other["points"], whole[0]["points"])


def test_a_training_cloud_is_padded_masked_and_near_one_point(source):
    config = dataclasses.replace(
        CONFIG, point_jitter=0.0, scale_range=(1.0, 1.0), color_jitter=0.0
    )
    for position in range(12):
        example = train_example(source, config, 0, position)
        cloud = source[int(example["index"])]
        count = int(example["mask"].sum())
        assert count == min(64, len(cloud["label"]))
        assert not example["mask"][count:].any()
        assert (example["label"][count:] == 255).all()
        assert (
            not example["points"][count:].any() and not example["feature"][count:].any()
        )
        # The augmentation is rigid: distances in the crop are those of the room.
        colors = np.rint(example["feature"][:count] * 255).astype(np.uint8)
        where = [np.flatnonzero((cloud["color"] == c).all(-1))[0] for c in colors]
        crop = cloud["points"][where]
        gaps = lambda p: np.linalg.norm(p[:, None] - p[None], axis=-1)
        np.testing.assert_allclose(
            gaps(example["points"][:count]), gaps(crop), atol=1e-4
        )
        radius = [
            np.sort(np.linalg.norm(cloud["points"] - p, axis=-1))[count - 1]
            for p in crop
        ]
        far = [np.linalg.norm(crop - p, axis=-1).max() for p in crop]
        assert np.isclose(far, radius, atol=1e-5).any()  # a ball around one of them


def test_points_turn_about_the_vertical_scale_and_jitter():
    points = np.random.default_rng(0).normal(size=(500, 3))
    config = dataclasses.replace(CONFIG, point_jitter=0.0, flip=False)
    heights, turns = [], []
    for seed in range(30):
        moved = augmented_points(np.random.default_rng(seed), points, config)
        scale = moved[0, 2] / points[0, 2]
        np.testing.assert_allclose(moved[:, 2], points[:, 2] * scale)
        np.testing.assert_allclose(
            np.linalg.norm(moved, axis=1), scale * np.linalg.norm(points, axis=1)
        )
        heights.append(scale)
        turns.append(np.arctan2(moved[0, 1], moved[0, 0]))
    assert 0.9 <= min(heights) < 0.95 and 1.05 < max(heights) <= 1.1
    assert np.ptp(turns) > 5
    config = dataclasses.replace(config, point_jitter=0.01, scale_range=(1.0, 1.0))
    still = dataclasses.replace(config, point_jitter=0.0)
    noise = augmented_points(
        np.random.default_rng(0), points, config
    ) - augmented_points(np.random.default_rng(0), points, still)
    assert abs(noise.std() - 0.01) < 1e-3 and np.abs(noise).max() <= 0.03 + 1e-12


def test_evaluation_sees_every_cloud_whole_and_once(source):
    seen = []
    for batch in cloud_eval_batches(source, batch_size=4, multiple=32):
        assert batch["points"].shape[1] % 32 == 0
        for row, index in enumerate(batch["index"]):
            count = int(batch["mask"][row].sum())
            if index < 0:
                assert count == 0 and (batch["label"][row] == 255).all()
                continue
            seen.append(int(index))
            cloud = source[int(index)]
            assert count == len(cloud["label"])
            np.testing.assert_array_equal(batch["label"][row, :count], cloud["label"])
            shift = cloud["points"] - batch["points"][row, :count]
            np.testing.assert_allclose(
                shift, np.broadcast_to(shift[:1], shift.shape), atol=1e-5
            )
            assert batch["points"][row, :count, 2].min() == 0
    assert sorted(seen) == list(range(6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_points": 0}, "data.num_points=0 is invalid: expected 1 or more"),
        ({"scale_range": (0.0, 1.0)}, r"data.scale_range=\(0.0, 1.0\) is invalid"),
        ({"point_jitter": -1.0}, "data.point_jitter=-1.0 is invalid"),
        ({"color_jitter": 2.0}, "data.color_jitter=2.0 is invalid"),
    ],
)
def test_options_out_of_range(source, change, message):
    config = dataclasses.replace(CONFIG, **change)
    with pytest.raises(ValueError, match=message):
        cloud_train_batches(source, config, seed=0, batch_size=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "shapes"},
            "^data.name='shapes' is invalid: .* point clouds .* datasets: rooms",
        ),
        ({"elastic": 3.0}, "data.elastic=3.0 is invalid: expected 0.0 for point"),
        ({"eval_scale": 0.5}, "data.eval_scale=0.5 is invalid"),
        ({"backend": "tf"}, "data.backend='tf' is invalid"),
        (
            {"raw_dir": "x"},
            "^data.raw_dir='x' is invalid: expected none, because 'rooms' is generated",
        ),
    ],
)
def test_options_that_clouds_do_not_have(change, message, tmp_path):
    config = dataclasses.replace(CONFIG, prepared_dir=str(tmp_path), **change)
    with pytest.raises(ValueError, match=message):
        open_clouds(config, "train")


def test_images_are_not_read_from_clouds(tmp_path):
    config = dataclasses.replace(CONFIG, prepared_dir=str(tmp_path))
    with pytest.raises(ValueError, match=r"'rooms' is invalid: .* found point clouds"):
        open_source(config, "train")
