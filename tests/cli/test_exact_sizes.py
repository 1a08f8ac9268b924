"""The classes that `predict` writes are those that `eval` scores, at every padding."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from jaxseg.runs.directory import read_config

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
RUN, SPLIT = GOLDEN / "reseg", GOLDEN / "photos" / "validation"


@pytest.fixture(scope="module")
def counted(tmp_path_factory, drawn_data):
    """By the multiple: the counts of `eval`, and those of the files of `predict`."""
    found = {}
    for multiple in (1, 32):
        folder = tmp_path_factory.mktemp(f"multiple{multiple}")
        scores = folder / "scores.json"
        where = (f"--data.raw-dir={GOLDEN / 'photos'}", "--devices=1")
        where += (f"--data.prepared-dir={drawn_data}", f"--output={scores}")
        given = f"--data.eval-multiple={multiple}"
        assert main(["eval", str(RUN), *where, given]) == 0
        names = (f"--workdir={RUN}", f"--output={folder}", "--no-overlay")
        # 32 is the value of a run that was stored before the option existed.
        more = [] if multiple == 32 else ["--pad-multiple=1"]
        assert main(["predict", str(SPLIT / "images"), *names, *more]) == 0
        matrix = json.loads(scores.read_text())["confusion"]
        found[multiple] = np.array(matrix), _confusion(folder, len(matrix))
    return found


def _confusion(folder, classes):
    matrix = np.zeros((classes, classes), int)
    for path in sorted((SPLIT / "masks").iterdir()):
        label = np.asarray(Image.open(path))
        known = label != 255
        guess = np.asarray(Image.open(folder / path.name))
        np.add.at(matrix, (label[known], guess[known]), 1)
    return matrix


def test_a_run_without_the_option_pads_as_before():
    assert read_config(RUN).data.eval_multiple == 32


@pytest.mark.slow
@pytest.mark.parametrize("multiple", [1, 32])
def test_evaluation_counts_the_classes_that_are_written(counted, multiple):
    np.testing.assert_array_equal(*counted[multiple])


@pytest.mark.slow
def test_padding_changes_labels(counted):
    assert (counted[1][0] != counted[32][0]).any()
