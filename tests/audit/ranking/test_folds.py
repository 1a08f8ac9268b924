"""Folds of the training data, and the runs that have not seen an example."""

import dataclasses
import pathlib

import pytest

from jaxseg.audit.ranking.folds import audited_data, fold_configs, unseen_runs
from jaxseg.config import Config, DataConfig
from jaxseg.data.opening import open_source


def config(data_dir, split="train"):
    return Config(
        data=DataConfig("shapes", prepared_dir=str(data_dir), train_split=split)
    )


@pytest.mark.slow
def test_each_example_is_unseen_by_exactly_one_fold(drawn_data):
    whole = open_source(config(drawn_data).data, "train")
    folds = fold_configs(config(drawn_data), 3)
    seen = [
        frozenset(open_source(fold.data, fold.data.train_split).ids) for fold in folds
    ]
    runs = unseen_runs(whole, seen, "train")
    assert all(len(found) == 1 for found in runs)
    counts = [runs.count((fold,)) for fold in range(3)]
    assert sum(counts) == len(whole) and max(counts) - min(counts) <= 0.02 * sum(counts)


@pytest.mark.slow
def test_an_example_that_all_runs_have_seen_is_refused(drawn_data):
    whole = open_source(config(drawn_data).data, "train")
    seen = [frozenset(whole.ids[:-2]), frozenset(whole.ids[1:])]
    with pytest.raises(ValueError, match=rf"{len(whole) - 3} of the {len(whole)} ex.*"):
        unseen_runs(whole, seen, "train")


def test_a_slice_cannot_be_divided_into_folds(drawn_data):
    with pytest.raises(ValueError, match=r"data.train_split='train\[:50%\]' is inv"):
        fold_configs(config(drawn_data, "train[:50%]"), 2)


def test_runs_on_different_data_are_refused(drawn_data):
    first = config(drawn_data, "train[:50%]")
    other = dataclasses.replace(first.data, raw_dir="elsewhere")
    runs = {
        pathlib.Path("a"): first,
        pathlib.Path("b"): dataclasses.replace(first, data=other),
    }
    with pytest.raises(ValueError, match=r"data\.raw_dir is 'elsewhere' here and None"):
        audited_data(runs)
    runs[pathlib.Path("b")] = config(drawn_data, "train[50%:]")
    assert audited_data(runs)[1] == "train"
