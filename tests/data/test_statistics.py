"""Compares class counts with counts by hand."""

import json

import numpy as np
import pytest

from jaxseg.data import ClassFrequencies, Source, class_frequencies, rasters
from jaxseg.data.spec import DatasetSpec, generated_palette

SPEC = DatasetSpec("toy", ("a", "b", "c", "never"), generated_palette(4))


def source_of(*labels, folder=None):
    records = []
    for label in labels:
        label = np.array(label, np.uint8)
        image = rasters.encode_png(np.zeros((*label.shape, 3), np.uint8))
        png = rasters.encode_png(label)
        records.append({"image": image, "label": png, "id": b"x"})
    return Source(records, SPEC, split="train", folder=folder)


def test_frequencies_by_hand():
    counts = class_frequencies(
        source_of([[0, 0, 0, 1]], [[0, 0], [255, 255]], [[2, 2, 2, 2, 2, 2, 0, 255]])
    )
    assert counts.pixels == (6, 1, 6, 0)
    assert counts.present_pixels == (16, 4, 8, 0)  # void counts as a pixel
    np.testing.assert_allclose(counts.frequency, [0.375, 0.25, 0.75, np.nan])


def test_counts_are_kept_beside_the_data(tmp_path):
    first = class_frequencies(source_of([[0, 1]], folder=tmp_path))
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["pixels"] == [1, 1, 0, 0]
    # The kept counts are used: another image in the same place changes nothing.
    assert class_frequencies(source_of([[2, 2]], folder=tmp_path)) == first
    other = source_of([[2, 2]], folder=tmp_path)
    other.split = "train[:1]"
    assert class_frequencies(other).pixels == (0, 0, 2, 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_all_void_is_refused():
    with pytest.raises(ValueError, match="split 'train' of dataset 'toy' is all void"):
        class_frequencies(source_of([[255, 255]]))


def test_prepared_split(small):
    counts = class_frequencies(small)
    labels = [small[i]["label"] for i in range(len(small))]
    assert isinstance(counts, ClassFrequencies)
    assert counts.pixels == tuple(
        int(sum((x == k).sum() for x in labels)) for k in range(7)
    )
