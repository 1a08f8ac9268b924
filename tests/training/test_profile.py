"""A trace of a few steps, readable by Perfetto and TensorBoard."""

import gzip
import json
import logging

import jax
import numpy as np
import pytest

from jaxseg.training.run.profile import WARM_UP, Profile


def steps(profile, count):
    update = jax.jit(lambda x: (x * 2 + 1).sum())
    with profile:
        for number in range(1, count + 1):
            with profile.step(number):
                result = update(np.ones(8, np.float32))
            profile.after(result)


def test_the_trace_holds_the_steps_after_the_warm_up(tmp_path):
    steps(Profile(tmp_path, steps=2), WARM_UP + 6)
    (trace,) = tmp_path.glob("plugins/profile/*/perfetto_trace.json.gz")
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    marked = [e["args"] for e in events if e.get("name") == "train_step"]
    numbers = sorted(int(a["step_num"]) for a in marked if "step_num" in a)
    assert numbers == [WARM_UP + 1, WARM_UP + 2]
    (planes,) = trace.parent.glob("*.xplane.pb")
    assert b"train_step" in planes.read_bytes()


def test_a_run_that_ends_within_the_trace_still_leaves_one(tmp_path):
    steps(Profile(tmp_path, steps=50), WARM_UP + 2)
    assert list(tmp_path.rglob("perfetto_trace.json.gz"))


def test_too_short_a_run_says_so_and_none_is_written_unasked(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        steps(Profile(tmp_path), WARM_UP + 4)
        assert not caplog.records
        steps(Profile(tmp_path, steps=2), 2)
    assert "it begins after step 3 and the run had only 2" in caplog.text
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="profile=-1 is invalid"):
        Profile(tmp_path, steps=-1)
