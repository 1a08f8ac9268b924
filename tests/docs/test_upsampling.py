"""The page about upsampling agrees with the code: its table and its pictures."""

import io
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

import jaxseg
from experiments.figures import differs

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs/_ext"))

from upsampling import networks, page, pictures  # noqa: E402


def test_table_is_current():
    """To update the page, run `python docs/_ext/upsampling`."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text) == text


@pytest.mark.slow
@pytest.mark.sweep
def test_table_contains_every_network():
    """To add networks, run `python docs/_ext/upsampling networks`."""
    assert sorted(networks.stored_kinds()) == sorted(jaxseg.list_models())
    without = {name for name, kinds in networks.stored_kinds().items() if not kinds}
    assert not without


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kinds"),
    [("segnet_basic", ["unpool"]), ("deeplabv1_vgg16", ["aligned"])],
)
def test_kinds_of_some_networks(name, kinds):
    assert networks.kinds(name) == networks.stored_kinds()[name] == kinds


@pytest.mark.slow
@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(networks.stored_kinds()))
def test_kinds(name):
    assert networks.kinds(name) == networks.stored_kinds()[name]


@pytest.mark.slow
def test_pictures_are_current_and_small():
    for name, content in pictures.images().items():
        drawn = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert not differs(pictures.FOLDER / name, drawn), name
    sizes = [path.stat().st_size for path in pictures.FOLDER.iterdir()]
    assert len(sizes) == 3 and sum(sizes) <= 150_000
