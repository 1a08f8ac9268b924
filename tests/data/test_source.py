"""Tests random access, the cache of decoded images, and the errors."""

import numpy as np
import pytest

from jaxseg.data import DatasetSpec, Source, example_cache, from_builder


class Counting:
    """Counts how often records are read."""

    def __init__(self, records):
        self.records, self.reads = records, 0

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        self.reads += 1
        return self.records[index]


def test_examples_are_uint8_with_spec_and_id(small):
    example = small[3]
    assert example["image"].shape == (24, 32, 3) and example["image"].dtype == np.uint8
    assert example["label"].shape == (24, 32) and example["label"].dtype == np.uint8
    assert example["id"] == small.ids[3] and len(set(small.ids)) == 10
    assert small.sizes == ((24, 32),) * 10
    assert isinstance(small.spec, DatasetSpec) and small.spec.name == "shapes"


@pytest.mark.parametrize(("cache", "reads"), [(True, 1), (False, 3)])
def test_cache_decodes_once(small, cache, reads):
    records = Counting(small.records)
    cached = Source(records, small.spec, cache=cache)
    for _ in range(3):
        np.testing.assert_array_equal(cached[2]["image"], small[2]["image"])
    assert records.reads == reads


def test_cached_pixels_cannot_be_changed(small):
    with pytest.raises(ValueError, match="read-only"):
        small[0]["label"][0, 0] = 1


def test_full_cache_is_said_and_reading_goes_on(small, monkeypatch, caplog):
    monkeypatch.setattr(example_cache, "CACHE_LIMIT", 4 * 24 * 32)
    records = Counting(small.records)
    limited = Source(records, small.spec, split="train", cache=True)
    for _ in range(2):
        for index in range(5):
            assert limited[index]["id"] == small.ids[index]
    assert records.reads == 5 + 3
    assert caplog.text.count("is full with 2 of 10 images") == 1


@pytest.mark.parametrize("index", [-1, 10])
def test_index_out_of_range(small, index):
    with pytest.raises(IndexError, match="expected 0 to 9"):
        small[index]


def test_slices_of_splits(shapes_builder, small):
    head, tail = (from_builder(shapes_builder, s) for s in ("train[:4]", "train[4:]"))
    assert head.ids + tail.ids == small.ids


@pytest.mark.parametrize("cache", [True, False])
def test_window_is_a_slice_of_the_example(small, cache):
    read = Source(small.records, small.spec, cache=cache)
    window = read.window(4, (3, 20), (7, 32))
    for name in ("image", "label"):
        np.testing.assert_array_equal(window[name], small[4][name][3:20, 7:32])
    assert window["id"] == small.ids[4]
    with pytest.raises(ValueError, match=r"rows=\(3, 25\) is invalid: .* 0 to 24"):
        read.window(4, (3, 25), (0, 32))


def test_windows_are_decoded_once_while_the_cache_has_room(small, monkeypatch):
    monkeypatch.setattr(example_cache, "CACHE_LIMIT", 4 * 24 * 32)
    records = Counting(small.records)
    limited = Source(records, small.spec, cache=True)
    for _ in range(3):
        for index in range(5):
            limited.window(index, (0, 2), (0, 2))
    assert records.reads == 2 + 3 * 3
