"""The record file: flushed lines, cut at the step a run resumes from."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from jaxseg.storage.json_file import plain, write_json
from jaxseg.training.run.metric_reader import METRICS, read_metrics
from jaxseg.training.run.metric_writer import Record


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


ODD = {  # lines that are no records
    "cut": b'{"step": 2, "kind": "tra',
    "cut at a quote": b'{"step": 2, "k',
    "not UTF-8": b'{"step": 2, "kind": "train", "x": "\xff\xfe"}',
    "zeros": b"\0" * 40,
    "empty": b"",
    "a list": b"[2]",
    "a number": b"7",
    "no step": b'{"kind": "train"}',
    "no kind": b'{"step": 2}',
    "a step that is a text": b'{"step": "2", "kind": "train"}',
    "a step that is true": b'{"step": true, "kind": "train"}',
    "a step that is no whole number": b'{"step": 1.5, "kind": "train"}',
    "a kind that is a number": b'{"step": 2, "kind": 3}',
    "deep": b"[" * 100_000,
    "a long number": b'{"kind": "train", "step": ' + b"1" * 5000 + b"}",
}
GOOD = [b'{"step": %d, "kind": "train", "loss": 0.%d}' % (k, k) for k in (1, 2, 3)]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["middle", "end", "end without a newline"])
def test_odd_lines_are_skipped_and_dropped_with_a_notice(tmp_path, name, place, caplog):
    lines = [*GOOD, ODD[name]] if "end" in place else [GOOD[0], ODD[name], *GOOD[1:]]
    end = b"" if "without" in place else b"\n"
    (tmp_path / METRICS).write_bytes(b"\n".join(lines) + end)
    number = 4 if "end" in place else 2
    assert [row["loss"] for row in read_metrics(tmp_path)] == [0.1, 0.2, 0.3]
    silent = place == "end without a newline" and name == "empty"  # nothing is there
    told = f"{tmp_path / METRICS}: 1 line of 4 cannot be read as a record (a JSON object with kind and step) and will be ignored (line {number})"
    assert (told in caplog.text) != silent
    Record(tmp_path, resume_step=2).close()
    assert (tmp_path / METRICS).read_bytes() == b"\n".join(GOOD[:2]) + b"\n"


def test_a_whole_record_that_lacks_its_newline_is_kept(tmp_path, caplog):
    (tmp_path / METRICS).write_bytes(b"\n".join(GOOD))
    Record(tmp_path, resume_step=3).close()
    assert (tmp_path / METRICS).read_bytes() == b"\n".join(GOOD) + b"\n"
    assert not caplog.text


def test_a_lost_line_is_restored_and_a_kept_one_is_not_doubled(tmp_path):
    (tmp_path / METRICS).write_bytes(GOOD[0] + b"\n")
    with Record(tmp_path, resume_step=3) as record:
        record.restore(1, "train", {"loss": 9.0})
        record.restore(3, "eval", {"iou": 0.5})
    rows = [
        (row["step"], row["kind"], row.get("loss")) for row in read_metrics(tmp_path)
    ]
    assert rows == [(1, "train", 0.1), (3, "eval", None)]


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
