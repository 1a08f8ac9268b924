"""The pages of the families agree with the code, and every network has one page."""

import collections
import pathlib
import sys

import pytest

import jaxseg
from jaxseg.models import FAMILIES, MODELS

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs/_ext"))

from family_pages import pages, strides, write  # noqa: E402
from family_pages.deviations import comment  # noqa: E402


@pytest.mark.parametrize("name", ["index", *pages.PAGES])
def test_page_is_current(name):
    """To update all pages, run `python docs/_ext/family_pages`."""
    text = (ROOT / "docs/families" / f"{name}.md").read_text(encoding="utf-8")
    assert write.filled(name, text) == text


def test_every_network_is_on_exactly_one_page():
    listed = pages.PAGES.values()
    presets = collections.Counter(n for page in listed for n in pages.presets(page))
    heads = collections.Counter(n for page in listed for n in pages.families(page))
    assert presets == collections.Counter(jaxseg.list_models())
    assert heads == collections.Counter(list(FAMILIES))


def test_group_lists_every_page_once():
    assert sorted(n for _, names in pages.GROUPS for n in names) == sorted(pages.PAGES)


@pytest.mark.parametrize(
    "name", ["unet_valid", "segnet_basic", "fcn8s_vgg16", "deeplabv3plus_mobilenetv2"]
)
def test_strides_of_some_presets(name):
    expected = {"unet_valid": [16], "segnet_basic": [16], "fcn8s_vgg16": [32]}
    found = strides.strides(name)
    assert found == strides.stored_strides()[name]
    assert found == expected.get(name, [16, 8, 32])


@pytest.mark.slow
@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"point_transformer"}))
def test_strides(name):
    assert strides.strides(name) == strides.stored_strides()[name]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x\n# Differs: the sum is\n# a mean.\ny = 1", "The sum is a mean."),
        (
            '"""One.\n\nDiffers: here\nis two.\n\nThree."""',
            "Here is two.",
        ),
        (
            "  a: Text that\n    goes on. Differs: not\n    there.\n  b: More.",
            "Option `a`: Text that goes on. Not there.",
        ),
    ],
    ids=["comment", "docstring", "option"],
)
def test_deviations_are_whole_paragraphs(source, text):
    lines = source.split("\n")
    number = next(i for i, line in enumerate(lines) if "Differs:" in line)
    assert comment(lines, number) == text
