"""Batches of several datasets: restart, processes, shares, and all examples once."""

import dataclasses
import itertools

import numpy as np
import pytest

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data import Source, from_builder, train_batches
from jaxseg.data.builders.drawn import drawn_config
from jaxseg.data.datasets import DATASETS
from jaxseg.data.mix.batches import mixed_eval_batches, mixed_train_batches
from jaxseg.data.mix.opening import MixedSource
from jaxseg.data.mix.schedule import Schedule
from jaxseg.data.mix.settings import member_data
from jaxseg.data.mix.space import union_spec
from jaxseg.data.prepare import prepare

CONFIG = DataConfig(
    crop=(16, 20),
    mix=(
        MemberConfig("one", DataConfig("shapes"), weight=3),
        MemberConfig("two", DataConfig("shapes", scale_range=(1.0, 1.0)), weight=1),
    ),
)


@pytest.fixture(scope="module")
def builders(tmp_path_factory):
    root = tmp_path_factory.mktemp("mixed")
    sizes = {"train": 6, "validation": 3}
    return [
        prepare(drawn_config(DATASETS["shapes"], size=size, **sizes), root)
        for size in ((24, 32), (20, 24))
    ]


@pytest.fixture
def mixed(builders):
    parts = tuple(from_builder(builder, "train") for builder in builders)
    spec = union_spec(CONFIG, [part.spec for part in parts])
    return MixedSource(parts, tuple(map(len, parts)), spec)


def take(source, count, **options):
    options = {"seed": 3, "batch_size": 4} | options
    batches = mixed_train_batches(source, CONFIG, **options)
    taken = list(itertools.islice(batches, count))
    batches.close()
    return taken


def assert_same(left, right):
    for a, b in zip(left, right, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_a_batch_names_the_dataset_of_each_example(mixed):
    batch = take(mixed, 1)[0]
    assert {key: (value.shape, str(value.dtype)) for key, value in batch.items()} == {
        "image": ((4, 16, 20, 3), "uint8"),
        "label": ((4, 16, 20), "uint8"),
        "seed": ((4,), "uint32"),
        "index": ((4,), "int32"),
        "dataset": ((4,), "int32"),
    }
    for index, dataset in zip(batch["index"], batch["dataset"], strict=True):
        assert mixed.ids[index].startswith(("one/", "two/")[dataset])


@pytest.mark.parametrize("start", [1, 5])
def test_restart_at_any_step(mixed, start):
    assert_same(take(mixed, 7)[start:], take(mixed, 7 - start, start_step=start))


def test_processes_together_equal_one(mixed):
    parts = [take(mixed, 5, process_index=index, process_count=2) for index in range(2)]
    joined = [
        {key: np.concatenate([a[key], b[key]]) for key in a}
        for a, b in zip(*parts, strict=True)
    ]
    assert_same(take(mixed, 5), joined)


def test_each_dataset_keeps_the_stream_that_it_has_alone(mixed):
    """Shares are exact, and a member's examples are those of its own stream."""
    batches = take(mixed, 250)
    dataset = np.concatenate([batch["dataset"] for batch in batches])
    assert np.bincount(dataset).tolist() == [750, 250]
    seed = Schedule.of(3, (3, 1)).member_seed(1)
    own = member_data(CONFIG, CONFIG.mix[1])
    assert own.scale_range == (1.0, 1.0) and own.crop == CONFIG.crop
    alone = train_batches(mixed.parts[1], own, seed=seed, batch_size=10)
    expected = next(alone)
    alone.close()
    for key in ("image", "label", "seed"):
        stacked = np.concatenate([batch[key] for batch in batches])[dataset == 1]
        np.testing.assert_array_equal(stacked[:10], expected[key])


def test_evaluation_yields_every_example_once(mixed):
    batches = list(mixed_eval_batches(mixed, batch_size=4))
    index = np.concatenate([batch["index"] for batch in batches])
    assert sorted(index[index >= 0]) == list(range(12))
    for batch in batches:
        for row, place in enumerate(batch["index"]):
            if place < 0:
                assert (batch["label"][row] == 255).all()
                continue
            member, own = mixed.places[place]
            assert batch["dataset"][row] == member
            label = mixed.parts[member][own]["label"]
            height, width = label.shape
            np.testing.assert_array_equal(batch["label"][row, :height, :width], label)


def test_ignore_indices_become_those_of_the_mix(mixed):
    spec = dataclasses.replace(mixed.spec, void=65535)
    source = MixedSource(mixed.parts, mixed.counts, spec)
    for narrow, wide in zip(take(mixed, 3), take(source, 3), strict=True):
        assert wide["label"].dtype == np.uint16
        void = narrow["label"] == 255
        np.testing.assert_array_equal(wide["label"][void], 65535)
        np.testing.assert_array_equal(wide["label"][~void], narrow["label"][~void])


def test_one_normalization_pads_all_images(mixed):
    mixed.spec = dataclasses.replace(mixed.spec, mean=(0.0, 1.0, 0.5))
    assert [part.spec.mean_color for part in mixed.parts] == [(0, 255, 128)] * 2
    assert all(isinstance(part, Source) for part in mixed.parts)
