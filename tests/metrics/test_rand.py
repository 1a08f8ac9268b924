"""The foreground-restricted Rand score against pairs counted by hand."""

import numpy as np
import pytest

from jaxseg.metrics.rand import PairCounts, components, pair_counts, rand_score


def score(prediction, truth):
    return rand_score(pair_counts(np.array(prediction), np.array(truth)))


def test_equal_segmentations_score_one_whatever_the_numbers():
    truth = [[1, 1, 0, 2], [1, 1, 0, 2]]
    assert score(truth, truth) == (1, 1, 1)
    assert score([[7, 7, 0, 3], [7, 7, 0, 3]], truth) == (1, 1, 1)


def test_a_merge():
    """Four and two pixels in one object: (16 + 4) / 36 and 20 / 20."""
    got = score([[1, 1, 1, 1], [1, 1, 1, 1]], [[1, 1, 0, 2], [1, 1, 0, 2]])
    assert got.merge == pytest.approx(20 / 36) and got.split == 1
    assert got.score == pytest.approx(2 * (20 / 36) / (1 + 20 / 36))


def test_a_split():
    """One object of six as four and two: 20 / 20 and 20 / 36."""
    got = score([[1, 1, 2], [1, 1, 2]], [[1, 1, 1], [1, 1, 1]])
    assert (got.merge, got.split) == (1, pytest.approx(20 / 36))


def test_true_background_does_not_count():
    """Whatever is predicted in the column of true membrane."""
    truth = [[1, 1, 0, 2], [1, 1, 0, 2]]
    for middle in (0, 1, 2, 5):
        prediction = [[1, 1, middle, 2], [1, 1, middle, 2]]
        assert score(prediction, truth) == (1, 1, 1)


def test_predicted_background_is_single_pixels():
    """Six true pixels: four as one object, two as background.

    both = 16 + 1 + 1, predicted the same, true = 36.
    """
    got = score([[1, 1, 0], [1, 1, 0]], [[1, 1, 1], [1, 1, 1]])
    assert (got.merge, got.split) == (1, pytest.approx(18 / 36))


def test_nothing_predicted_has_no_merge_but_splits_all():
    got = score(np.zeros((2, 3), int), np.ones((2, 3), int))
    assert (got.merge, got.split) == (1, pytest.approx(6 / 36))


def test_it_counts_pairs():
    """Against pairs of pixels one by one, a pixel with itself included."""
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 4, (2, 6, 7))
    mine, theirs = prediction[truth > 0], truth[truth > 0]
    mine = np.where(mine == 0, 100 + np.arange(mine.size), mine)  # singletons
    together, true = (x[:, None] == x[None] for x in (mine, theirs))
    counts = pair_counts(prediction, truth)
    assert counts == ((together & true).sum(), together.sum(), true.sum())


def test_images_are_added_before_dividing():
    counts = [PairCounts(20, 36, 20), PairCounts(9, 9, 9)]
    assert rand_score(counts).merge == pytest.approx(29 / 45)


def test_components_are_four_connected():
    cells = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1]], bool)
    found = components(cells)
    assert found.max() == 3 and (found[~cells] == 0).all()
    assert found[0, 0] == found[0, 1] != found[1, 2] == found[2, 2] != found[2, 0]


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (
            np.ones((2, 2), int),
            np.ones((2, 3), int),
            r"\(2, 2\) is invalid: expected \(2, 3\)",
        ),
        (
            np.ones((2, 2)),
            np.ones((2, 2), int),
            "prediction with dtype=float64 is invalid",
        ),
        (
            np.ones((2, 2), int),
            -np.ones((2, 2), int),
            "truth with dtype=int64 is invalid",
        ),
        (np.ones((2, 2), int), np.zeros((2, 2), int), "truth is invalid"),
    ],
)
def test_wrong_maps_are_named(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        pair_counts(prediction, truth)
    with pytest.raises(ValueError, match="at least one image"):
        rand_score([])
