"""Tests model cards: writing and reading, class names of mmseg files, licenses."""

import json

import pytest

from jaxseg.weights.translate import model_card as card
from jaxseg.weights.translate.model_card import Card, Normalization, read_card

CARD = Card(
    model="fcn_resnet50",
    num_classes=2,
    options={"output_stride": 16},
    source="hf://a/b/c.pth",
    sha256="00",
    library="torchvision",
    license=card.license("torchvision"),
    normalization=Normalization(),
    classes=("a", "b"),
    palette=((0, 0, 0), (1, 2, 3)),
)


def test_there_and_back(tmp_path):
    CARD.write(tmp_path)
    assert read_card(tmp_path) == CARD
    fields = json.loads((tmp_path / "card.json").read_text())
    assert fields["normalization"]["order"] == "RGB"
    fields["color"] = 1
    (tmp_path / "card.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"expected a model card, but .*'color'"):
        read_card(tmp_path)


def test_class_names_of_both_mmseg_spellings():
    old = {"meta": {"CLASSES": ("a", "b"), "PALETTE": [[1, 2, 3], [4, 5, 6]]}}
    new = {"meta": {"dataset_meta": {"classes": ["a", "b"], "palette": None}}}
    assert card.classes(old) == (("a", "b"), ((1, 2, 3), (4, 5, 6)))
    assert card.classes(new) == (("a", "b"), ())


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"meta": "text"},
        {"meta": {"CLASSES": [1, 2]}},
        {"meta": {"CLASSES": ()}},
        {"meta": {"dataset_meta": 3}},
    ],
)
def test_no_class_names(beside):
    assert card.classes(beside) == ((), ())


@pytest.mark.parametrize("palette", [[[1, 2]], [[1, 2, 300]], [[1, 2, True]], "abc"])
def test_colors_that_are_none(palette):
    assert card.classes({"meta": {"CLASSES": ["a"], "PALETTE": palette}})[1] == ()


def test_licenses():
    assert "BSD-3-Clause" in card.license("torchvision or timm")
    assert "Apache-2.0" in card.license("torchvision or timm")
    assert card.license("somebody").startswith("unknown")


def test_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert card.sha256(tmp_path / "a").startswith("ba7816bf")
    assert card.sha256(tmp_path) == ""


def test_a_card_with_the_names_of_before_is_read(tmp_path):
    CARD.write(tmp_path)
    text = (tmp_path / "card.json").read_text()
    old = text.replace("normalization", "normalisation").replace("license", "licence")
    assert old != text
    (tmp_path / "card.json").write_text(old)
    assert read_card(tmp_path) == CARD
