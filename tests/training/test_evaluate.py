"""Counting over batches: filling rows, naming files, late reads."""

import numpy as np
import pytest

from jaxseg.training.devices.void_rows import fill_rows
from jaxseg.training.run import evaluate


def test_fill_rows_are_void_and_the_rest_is_untouched():
    batch = {
        "image": np.arange(3 * 2 * 2 * 3, dtype=np.uint8).reshape(3, 2, 2, 3),
        "label": np.ones((3, 2, 2), np.uint8),
        "index": np.array([4, 5, 6], np.int32),
    }
    filled = fill_rows(batch, 8)
    assert {len(value) for value in filled.values()} == {8}
    assert (filled["label"][3:] == 255).all() and (filled["index"][3:] == -1).all()
    for name, value in batch.items():
        np.testing.assert_array_equal(filled[name][:3], value)
    assert batch["index"].tolist() == [4, 5, 6]
    assert fill_rows(filled, 4) is filled


def test_an_illegal_label_is_named_by_its_file():
    batch = {"index": np.zeros(1, np.int32)}

    def step(variables, batch):
        return np.full((3, 2), -1, np.int32)

    with pytest.raises(ValueError, match=r"neither void.*images of the batch: val.png"):
        evaluate.count(None, [batch], step, num_classes=2, ids=("val.png",))


def test_the_counts_of_all_batches_are_summed_in_int64():
    batch = {"index": np.zeros(1, np.int32)}
    huge = np.full((3, 2), 2**31 - 1, np.int32)
    total = evaluate.count(
        None, [batch] * 3, lambda *_: huge, num_classes=2, ids=("a",)
    )
    assert (total.matrix == 3 * (2**31 - 1)).all()


def test_asked_to_stop_there_is_no_total():
    asked = iter((False, True))
    batches = [{"index": np.zeros(1, np.int32)}] * 3
    stopped = evaluate.count(
        None,
        batches,
        lambda *_: np.ones((3, 2), np.int32),
        num_classes=2,
        ids=("a",),
        stop=lambda: next(asked),
    )
    assert stopped is None
