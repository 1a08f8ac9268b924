"""The ranking of masks with planted errors, and the scores behind it."""

import json
import pathlib

import numpy as np
import pytest

from jaxseg.audit.ranking.disagreement import Disagreement
from jaxseg.audit.ranking.measures import Measures, Region
from jaxseg.audit.ranking.out_of_fold import OutOfFold
from jaxseg.audit.ranking.page import render
from jaxseg.audit.ranking.records import to_dict
from jaxseg.audit.ranking.result import rank
from jaxseg.audit.ranking.scores import mask_scores, relative_masses, suspects
from tests.audit.ranking.scenes import Network, Scenes, scene

COUNT = 30


@pytest.fixture(scope="module")
def examples():
    """30 scenes: 3 has a swapped class, 11 a moved house, 20 lacks its car."""
    truth = [scene(k) for k in range(COUNT)]
    masks = [mask.copy() for mask in truth]
    masks[3][truth[3] == 2] = 3
    masks[11][truth[11] == 1] = 0
    masks[11][np.roll(truth[11] == 1, (5, -4), (0, 1))] = 1
    masks[20][truth[20] == 3] = 0
    return OutOfFold(
        Scenes(masks),
        split="train",
        workdirs=(pathlib.Path("a"), pathlib.Path("b")),
        segmenters=(Network(truth), None),
        runs=((0,),) * COUNT,
    )


@pytest.fixture(scope="module")
def ranking(examples):
    return rank(examples)


def test_the_planted_errors_come_first_with_their_reasons(ranking):
    assert set(ranking.order[:3]) == {3, 11, 20}
    assert ranking.marked == 3
    assert 0.9 < ranking.agreement < 1
    found = {index: ranking.worst(index) for index in (3, 11, 20)}
    assert found[3].reason == "swapped class"
    assert (found[3].given, found[3].predicted) == (3, 2)
    assert found[11].reason == "shifted edge"
    np.testing.assert_allclose(found[11].offset, (-5, 4), atol=1)
    assert found[20].reason == "missing object"
    assert (found[20].given, found[20].predicted) == (0, 3)
    assert ranking.verdict().startswith("LOOK AT 3 of the 30 masks of train of scenes,")


def test_the_records_contain_every_mask_and_are_json(ranking):
    found = json.loads(json.dumps(to_dict(ranking)))
    assert [mask["rank"] for mask in found["masks"]] == list(range(1, COUNT + 1))
    scores = [mask["score"] for mask in found["masks"]]
    assert scores == sorted(scores, reverse=True)
    first = next(mask for mask in found["masks"] if mask["name"] == "scene_03")
    swapped = min(first["regions"], key=lambda region: region["self_confidence"])
    assert swapped["given"] == "car" and swapped["relative_confidence"] < 0.3
    assert {row["class"] for row in found["classes"]} == set(ranking.classes)


def test_the_page_shows_the_worst_masks(ranking, examples):
    page = render(ranking, examples, command="jaxseg data audit a b", shown=2)
    names = [ranking.names[index] for index in ranking.order]
    assert page.count("data:image/jpeg;base64,") == 2
    assert all(name in page for name in names[:2]) and names[2] not in page
    assert ranking.verdict() in page and "http:" not in page


def measures(labels, disagreements, displacements=()):
    regions = [Region(k, 900, (0, 0, 30, 30), 0.9, 0.8, None) for k in labels]
    return Measures(
        regions + list(displacements),
        disagreements,
        pixels=np.zeros(3, int),
        confidence=np.zeros(3),
        predicted=np.zeros(3, int),
        agreed=0,
        mean_confidence=0.9,
        softmin=0.5,
    )


def disagreement(given, predicted, mass):
    return Disagreement(given, predicted, 100, mass, 0.1, 0.1, (0, 0, 10, 10))


def test_masses_are_divided_by_what_is_usual_in_the_other_masks():
    common, rare = disagreement(0, 1, 40.0), disagreement(2, 1, 40.0)
    measured = [
        *(measures([0, 2], [disagreement(0, 1, 20.0)]) for _ in range(4)),
        measures([0, 2], [common, rare, disagreement(0, 1, 4.0)]),
    ]
    overall = (4 * 20 + 40 + 40) / (10 * 3)
    found = relative_masses(measured)[4]
    expected = [40 / ((80 + 3 * overall) / 7), 40 / (3 * overall / 7)]
    np.testing.assert_allclose(found[:2], expected)
    np.testing.assert_allclose(found[2], found[0] / 10)
    ranked = suspects(measured)
    assert ranked[0].example == 4 and (ranked[0].given, ranked[0].predicted) == (2, 1)
    scores = mask_scores(ranked, 5)
    assert scores.argmax() == 4 and (scores[:4] == scores[0]).all()


def test_agreement_everywhere_gives_no_suspects():
    assert suspects([measures([0, 1], []) for _ in range(3)]) == []
