"""Scores of overlapping classes against counts of sets of pixels."""

import jax
import numpy as np

from jaxseg.metrics import confusion, table
from jaxseg.metrics.overlapping import overlapping_scores, state_names, states


def test_scores_equal_counts_of_sets():
    random = np.random.default_rng(4)
    truth, guess = random.random((2, 2, 9, 8, 4)) < 0.4
    truth[..., 2] = guess[..., 2] = False  # never there
    guess[..., 3] = False  # never found
    known = random.random((2, 9, 8)) < 0.8
    label = np.where(known[..., None], jax.jit(states)(truth), 255)
    count = jax.jit(lambda guess, label: confusion(states(guess), label, 8))
    matrix = np.asarray(count(guess, label))
    found = overlapping_scores(matrix)
    t, g = truth[known], guess[known]
    both, either = (t & g).sum(0), (t | g).sum(0)
    with np.errstate(invalid="ignore"):
        wanted = {
            "iou": both / either,
            "precision": both / g.sum(0),
            "recall": both / t.sum(0),
            "f1": 2 * both / (t.sum(0) + g.sum(0)),
        }
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)
    np.testing.assert_array_equal(found["pixels"], t.sum(0))
    assert np.isnan(found["iou"][2]) and found["iou"][3] == 0
    means = {"mean_iou": "iou", "mean_f1": "f1", "mean_recall": "recall"}
    for mean, name in means.items():
        np.testing.assert_allclose(found[mean], np.nanmean(wanted[name]))
    np.testing.assert_allclose(found["pixel_accuracy"], (t == g).mean())
    weights = t.sum(0)[[0, 1, 3]]
    share = (weights * wanted["iou"][[0, 1, 3]]).sum() / weights.sum()
    np.testing.assert_allclose(found["fw_iou"], share)
    assert "mean precision" in table(found, ("a", "b", "c", "d"))
    assert state_names(("a", "b")) == ("no a", "a", "no b", "b")
