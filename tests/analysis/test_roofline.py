"""Limits of chips, and the time of a step under them."""

import dataclasses

import pytest

from jaxseg.analysis.hlo.collective import collectives
from jaxseg.analysis.hlo.roofline import (
    CHIPS,
    GB,
    GIB,
    TERA,
    Load,
    chip_of,
    diameter,
    exchanged,
    intensity,
    largest_batch,
    times,
)

CHIP = dataclasses.replace(
    CHIPS["v5e"], peak=100 * TERA, bandwidth=1000 * GB, ici=100 * GB
)


def test_chips_are_those_of_the_makers_pages():
    figures = {
        name: (chip.peak / TERA, chip.memory / GIB, chip.bandwidth / GB, chip.ici / GB)
        for name, chip in CHIPS.items()
        if chip.kinds[0].startswith("TPU")
    }
    assert figures == {
        "v4": (275, 32, 1228, 300),
        "v5e": (197, 16, 819, 200),
        "v5p": (459, 96, 2765, 600),
        "v6e": (918, 32, 1638, 400),
    }
    assert all(0.9 * c.memory < c.usable < c.memory for c in CHIPS.values())
    assert chip_of("TPU v5 lite") is CHIPS["v5e"]
    assert chip_of("TPU v5") is CHIPS["v5p"]
    assert chip_of("cpu") is None


def test_arithmetic_sets_the_range_where_it_is_the_tightest_limit():
    found = times(Load(flops=9 * TERA, traffic=10 * GB), CHIP)
    assert found.compute == pytest.approx(0.09)
    assert found.memory == pytest.approx(0.01)
    assert found.links == 0
    assert found.fast == pytest.approx(0.09 / 0.45)
    assert found.slow == pytest.approx(0.09 / 0.25)
    assert found.bound == "compute"


def test_memory_sets_it_where_the_network_reads_more_than_it_computes():
    found = times(Load(flops=1 * TERA, traffic=100 * GB), CHIP)
    assert found.bound == "memory"
    assert found.fast == found.slow == pytest.approx(0.1)


def test_small_exchanges_cost_their_way_across_the_slice():
    load = Load(flops=0, traffic=0, sent=1 * GB, exchanges=200, diameter=16)
    found = times(load, CHIP)
    assert found.links == pytest.approx(0.01 + 200 * 2 * 16 * 1e-6)
    assert found.bound == "links"
    one = times(dataclasses.replace(load, exchanges=1), CHIP)
    assert found.slow - one.slow == pytest.approx(199 * 32e-6)


def test_exchanges_of_a_program():
    text = """
  %a = f32[1000] all-reduce(%x), replica_groups={}
  %b = f32[10] collective-permute(%y)
"""
    assert exchanged(collectives(text), 4) == (4000 * 2 * 3 / 4 + 40, 2)


def test_diameter_of_open_and_closed_grids():
    assert diameter((4, 4, 8)) == 8
    assert diameter((4, 4), torus=False) == 6
    assert diameter((1,)) == 0


def test_intensity():
    assert intensity(Load(flops=100, traffic=4)) == 25


def test_the_largest_batch_is_where_the_line_meets_the_room():
    assert largest_batch(((8, 3.0), (16, 5.0)), 15.75) == 59
    assert largest_batch(((16, 5.0), (8, 3.0)), 15.75) == 59
    with pytest.raises(ValueError, match="needs more bytes"):
        largest_batch(((8, 3.0), (16, 3.0)), 15.75)
    with pytest.raises(ValueError, match="needs more bytes"):
        largest_batch(((8, 3.0), (8, 3.0)), 15.75)
