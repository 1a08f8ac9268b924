"""The record file: flushed lines, cut at the step a run resumes from."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from jaxseg.storage.json_file import plain, write_json
from jaxseg.training.run.metric_writer import (
    METRICS,
    Record,
    read_metrics,
)


def test_lines_are_readable_while_the_run_goes_on(tmp_path):
    with Record(tmp_path) as record:
        record.write(1, "train", {"loss": np.float32(0.5)})
        assert read_metrics(tmp_path) == [{"step": 1, "kind": "train", "loss": 0.5}]
        record.write(1, "eval", {"iou": np.array([0.25, math.nan])})
        assert read_metrics(tmp_path, "eval")[0]["iou"] == [0.25, None]


def test_resume_cuts_later_steps_and_keeps_earlier_ones(tmp_path):
    with Record(tmp_path) as record:
        for step in (1, 2, 3, 4):
            record.write(step, "train", {"loss": float(step)})
    with Record(tmp_path, resume_step=2) as record:
        record.write(3, "train", {"loss": 30.0})
    assert [row["loss"] for row in read_metrics(tmp_path)] == [1.0, 2.0, 30.0]


def test_a_line_cut_by_a_crash_is_dropped(tmp_path):
    line = json.dumps({"step": 1, "kind": "train"})
    (tmp_path / METRICS).write_text(f'{line}\n{{"step": 2, "ki')
    Record(tmp_path, resume_step=9).close()
    assert (tmp_path / METRICS).read_text() == line + "\n"


def test_an_inactive_record_writes_nothing(tmp_path):
    with Record(tmp_path / "run", active=False) as record:
        record.write(1, "train", {"loss": 1.0})
    assert not (tmp_path / "run").exists()


def test_tensorboard_events_hold_the_scalars(tmp_path):
    with Record(tmp_path) as record:
        record.write(7, "train", {"loss": 0.125, "iou": [0.5]})
    events = next(tmp_path.glob("events.out.tfevents.*")).read_bytes()
    assert b"train/loss" in events and b"train/iou" not in events


def test_plain_refuses_nothing_that_a_run_writes():
    assert plain({"a": (np.int64(3), np.nan), 2: np.ones(2)}) == {
        "a": [3, None],
        "2": [1.0, 1.0],
    }


def test_write_json_leaves_no_temporary_file(tmp_path):
    write_json(tmp_path / "config.json", {"a": [1]})
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": [1]}
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.slow
def test_a_killed_process_loses_no_line(tmp_path):
    code = (
        "import os, sys\nfrom jaxseg.training.run.metric_writer import Record\n"
        "record = Record(sys.argv[1])\n"
        "record.write(1, 'train', {'loss': 1.0})\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert [row["step"] for row in read_metrics(tmp_path)] == [1]
