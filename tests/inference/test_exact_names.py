"""Exact tiles for the networks by name: the recorded table, and equal values."""

import json
import pathlib

import jax
import numpy as np
import pytest

from jaxseg import list_models
from jaxseg.inference.exact.options import ExactOptions
from jaxseg.inference.exact.tiled import TiledNetwork
from jaxseg.lab.tiling_row import tiling_row
from tests.contract.networks import narrow_model, shapes_of
from tests.contract.rows import NARROW, ROWS

FILE = pathlib.Path(__file__).parents[2] / "experiments/exact_tiles/results.jsonl"
TABLE = {
    row["name"]: row
    for row in map(json.loads, FILE.read_text().splitlines())
    if "kind" in row
}
IMAGES = [name for name in NARROW if ROWS[name].get("task") != "points"]
TYPICAL = {
    "deeplabv1_vgg16": "exact",
    "prob_unet": "two-pass",
    "reseg": "approximate",
    "segnet_basic": "exact",
    "unet": "exact",
    "unet_valid": "exact",
}


def check_row(name):
    stored = {key: TABLE[name][key] for key in ("name", "kind", "passes", "halo")}
    found = tiling_row(name)
    assert {key: found[key] for key in stored} == stored
    assert [list(pair) for pair in found["operations"]] == TABLE[name]["operations"]


def test_every_network_of_images_is_in_the_table():
    assert set(TABLE) == set(list_models()) - {"point_transformer"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPICAL)
def test_row_of_the_table(name):
    assert TABLE[name]["kind"] == TYPICAL[name]
    check_row(name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(set(TABLE) - set(TYPICAL)))
def test_other_rows_of_the_table(name):
    check_row(name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", IMAGES)
def test_values_at_an_odd_size(name, fill):
    """The narrow form of each network: equal to the whole image, or refused."""
    model = narrow_model(name)
    size = (128, 192) if name.startswith("pix2pix") else (101, 131)
    if name == "upernet_swin_t":  # Attention within windows covers a smaller map whole.
        size = (500, 531)
    _, (shape,) = shapes_of(ROWS[name], 1, size)
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    variables = fill(model, shape)
    logits = lambda variables, x: model.apply(variables, x, train=False)["logits"]
    options = ExactOptions(max_halo=9999, max_passes=99, tile=(32, 48))
    make = lambda: TiledNetwork(logits, variables, shape, image.dtype, options=options)
    if TABLE[name]["kind"] == "approximate":
        with pytest.raises(ValueError, match="mode='exact' is invalid"):
            make()
        return
    expected = np.asarray(jax.jit(logits)(variables, image))[0]
    read = lambda y, x, h, w: image[:, y : y + h, x : x + w]
    strips = make().strips(read, lambda logits: (logits,))
    found = np.concatenate([strip.parts[0] for strip in strips])
    assert np.max(np.abs(found - expected)) <= 1e-5 * np.max(np.abs(expected))
