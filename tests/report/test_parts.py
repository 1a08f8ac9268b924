"""The parts of a report that need no trained network."""

import dataclasses
import json
import pathlib

import jax
import numpy as np
import pytest

from jaxseg.config import Config, DataConfig, MemberConfig, ModelConfig
from jaxseg.data.spec import DatasetSpec
from jaxseg.report.cells import shade
from jaxseg.report.cost import cost_of
from jaxseg.report.matrix import MOST_CLASSES, largest_confusions, matrix_rows
from jaxseg.report.omissions import omitted_parts
from jaxseg.report.pictures import UNLABELED, WRONG, error_map
from jaxseg.report.record import RunRecord
from jaxseg.report.sample import bounded_split
from jaxseg.report.settings import different_settings
from jaxseg.report.summary import cost_rows
from jaxseg.runs import environment

SPEC = DatasetSpec("three", ("a", "b", "c"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))


def record(config, name="run", **rows):
    workdir = pathlib.Path("a folder that does not exist")
    return RunRecord(name, workdir=workdir, config=config, spec=SPEC, **rows)


def test_rows_of_a_matrix_add_up_to_one_and_empty_classes_have_none():
    counts = np.array([[6, 2, 0], [0, 0, 0], [3, 0, 9], [5, 5, 5]])
    rows = matrix_rows(counts, SPEC.classes, SPEC.palette)
    assert [row.shares for row in rows] == [(0.75, 0.25, 0.0), None, (0.25, 0.0, 0.75)]
    assert [row.pixels for row in rows] == [8, 0, 12]
    assert rows[0].iou == 6 / 11
    pairs = largest_confusions(counts, SPEC.classes)
    assert [(p.label, p.predicted, p.pixels) for p in pairs] == [
        ("c", "a", 3), ("a", "b", 2)
    ]  # fmt: skip
    assert (pairs[0].of_label, pairs[0].of_errors) == (0.25, 0.6)


def test_a_large_matrix_is_limited_to_the_most_frequent_classes():
    count = MOST_CLASSES + 2
    counts = np.zeros((count + 1, count), int)
    np.fill_diagonal(counts, np.arange(count) + 1)
    names = [f"class {k}" for k in range(count)]
    rows = matrix_rows(counts, names, [(0, 0, 0)] * count)
    assert [row.name for row in rows] == names[2:]
    assert all(len(row.counts) == MOST_CLASSES for row in rows)


def test_settings_that_differ_are_found_at_every_depth():
    mixes = [
        Config(
            model=ModelConfig("unet", options),
            data=DataConfig(mix=(MemberConfig("shapes", weight=weight),)),
        )
        for options, weight in (({"width": 8}, 1.0), ({"width": 8, "depth": 2}, 2.0))
    ]
    rows = different_settings([record(one) for one in mixes])
    assert [(row.name, row.values) for row in rows] == [
        ("data.mix[0].weight", ("1.0", "2.0")),
        ("model.options.depth", ("-", "2")),
    ]


@pytest.mark.parametrize(
    ("name", "spec", "parts"),
    [
        ("unet", SPEC, set()),
        ("prob_unet", SPEC, set()),
        ("point_transformer", SPEC, {"calibration", "boundary", "pictures"}),
        ("pix2pix_unet128", SPEC, {"confusion", "calibration", "boundary", "pictures"}),
        (
            "unet",
            dataclasses.replace(SPEC, multilabel=True),
            {"confusion", "boundary", "pictures"},
        ),
    ],
)
def test_parts_that_do_not_apply_are_left_out_with_a_reason(name, spec, parts):
    omitted = omitted_parts(Config(model=ModelConfig(name)), spec)
    assert set(omitted) == parts and all(omitted.values())


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("validation", "validation[:3]"),
        ("validation[5:]", "validation[5:8]"),
        ("validation[50%:]", "validation[50:53]"),
        ("validation[-10:]", "validation[90:93]"),
    ],
)
def test_a_bounded_split_begins_where_the_split_begins(split, expected, drawn_data):
    data = DataConfig("shapes", eval_split=split, prepared_dir=str(drawn_data))
    config = Config(data=data)
    assert bounded_split(config, available=10, images=3) == expected
    assert bounded_split(config, available=3, images=3) == split


def test_error_maps_mark_wrong_pixels_and_pixels_without_a_label():
    image = np.full((1, 3, 3), 100, np.uint8)
    label, guess = np.array([[0, 1, 255]]), np.array([[0, 0, 0]])
    drawn = error_map(image, label, guess, void=255)
    assert drawn[0].tolist() == [[185] * 3, list(WRONG), list(UNLABELED)]


def test_the_color_of_a_cell_is_the_root_of_the_fraction():
    assert shade(0.25, True) == ' class="own" style="--v:0.50"'
    assert shade(0.0, False) == ""


def test_costs_come_from_the_network_and_from_the_records():
    config = Config(
        model=ModelConfig("unet", {"width": 4, "depth": 1}),
        data=DataConfig("shapes", crop=(16, 32)),
    )
    speeds = {"images_per_second": 8.0, "input_wait": 0.5, "flops_per_second": 400.0}
    logged = [
        {"step": step, "steps_per_second": pace, "host_memory_peak": 2.0**30} | speeds
        for step, pace in ((10, 2.0), (30, 4.0))
    ]
    cost = cost_of(record(config, logged=logged))
    assert cost.seconds == 10 / 2 + 20 / 4
    assert (cost.step_flops, cost.input_wait) == (100.0, 0.5)
    assert (cost.memory, cost.memory_of) == (2.0**30, "of the process")
    assert cost.size == (16, 32) and cost.flops > cost.parameters > 0
    reason = "not known, because the peak of this device is not listed"
    assert dict(cost_rows([cost]))["utilization (MFU)"] == [reason]
    logged = [{**row, "mfu": 0.25} for row in logged]
    known = cost_of(record(config, logged=logged))
    assert dict(cost_rows([known]))["utilization (MFU)"] == ["25.0 %"]


def test_an_environment_is_recorded_once(tmp_path):
    devices = jax.devices()[:2]
    environment.record(tmp_path, devices)
    environment.record(tmp_path, devices)
    (entry,) = environment.read(tmp_path)
    assert entry["devices"] == "2 x cpu" and entry["jax"] == jax.__version__
    environment.record(tmp_path, devices[:1])
    assert [one["devices"] for one in environment.read(tmp_path)] == [
        "2 x cpu", "1 x cpu"
    ]  # fmt: skip
    (tmp_path / environment.NAME).write_text(json.dumps({"no": "list"}))
    assert environment.read(tmp_path) == []
