"""Tests the run-length encoding of COCO."""

import numpy as np
import pytest

from jaxseg.data.polygons import coco_annotations, decode_rle, encode_rle

MASKS = [
    np.zeros((3, 4), bool),
    np.ones((3, 4), bool),
    np.eye(5, dtype=bool),
    np.random.default_rng(0).random((40, 30)) < 0.5,
    np.arange(9000).reshape(90, 100) % 2000 < 1100,  # counts of several groups of bits
]


@pytest.mark.parametrize("mask", MASKS, ids=range(len(MASKS)))
def test_decoding_gives_the_mask_again(mask):
    encoded = encode_rle(mask)
    np.testing.assert_array_equal(decode_rle(encoded), mask)
    np.testing.assert_array_equal(
        decode_rle({**encoded, "counts": encoded["counts"].encode()}), mask
    )


@pytest.mark.parametrize("mask", MASKS, ids=range(len(MASKS)))
def test_the_text_is_that_of_pycocotools(mask):
    peer = pytest.importorskip("pycocotools.mask")
    encoded = peer.encode(np.asfortranarray(mask, np.uint8))
    assert encode_rle(mask) == {
        "size": encoded["size"],
        "counts": encoded["counts"].decode(),
    }


def test_the_text_of_a_published_form():
    """Counts 5, 10, 40, 100, 3, by the rules of maskApi.c worked out by hand.

    5 and 10 and 40 are written as they are (40 takes two groups: 8 with the mark for
    more, then 1); 100 becomes 100 - 10 = 90 (26 + mark, then 2), 3 becomes 3 - 40 =
    -37 (27 + mark, then -2 as 30).
    """
    mask = np.repeat([0, 1, 0, 1, 0], [5, 10, 40, 100, 3]).reshape(158, 1)
    text = "".join(chr(48 + group) for group in (5, 10, 8 + 32, 1, 26 + 32, 2, 59, 30))
    assert encode_rle(mask)["counts"] == text


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([3, 4], "counts 7 pixels: expected 3 x 4 = 12"),
        ([13, -1], "counts 12 pixels"),
        ("\x7f", "contains"),
        ("P", "ends inside a count"),
        ("o" * 13 + "0", "60 bits"),
    ],
)
def test_wrong_counts_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        decode_rle({"size": [3, 4], "counts": counts})


def test_annotations_of_a_label_map():
    labels = np.array([[0, 0, 255], [0, 2, 2]])
    first, second = coco_annotations(labels, image_id=7, first_id=5)
    assert (first["id"], first["category_id"], first["area"]) == (5, 1, 3)
    assert (second["id"], second["category_id"], second["bbox"]) == (6, 3, [1, 1, 2, 1])
    np.testing.assert_array_equal(decode_rle(second["segmentation"]), labels == 2)
