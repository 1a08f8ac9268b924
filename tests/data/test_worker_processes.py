"""Tests reading by several processes: equal batches, and the end of processes."""

import dataclasses
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import Source, train_batches
from jaxseg.data.stored import DamagedData
from jaxseg.data.worker_processes import WorkerStopped

CONFIG = DataConfig(crop=(16, 16), workers=1)


def readers():
    """Returns the processes that read for this one."""
    found = multiprocessing.active_children()
    return [process for process in found if "grain" in process.name]


@pytest.mark.slow
def test_processes_yield_the_batches_of_threads_until_one_is_killed(small):
    stream = {"seed": 3, "batch_size": 2, "start_step": 5}
    expected = train_batches(small, CONFIG, **stream)
    several = dataclasses.replace(CONFIG, worker_processes=2)
    found = train_batches(small, several, **stream)
    for _ in range(5):
        one, other = next(expected), next(found)
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name])
    killed, _ = readers()
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(WorkerStopped, match=r"exit code -9\. .*-processes 0") as caught:
        for _ in range(100):
            next(found)
    assert "\n" not in str(caught.value)
    assert not readers()


ABANDONED = """
import multiprocessing, os, signal, sys
from jaxseg.config import DataConfig
from jaxseg.data import open_source, train_batches

if __name__ == "__main__":
    config = DataConfig(worker_processes=1, prepared_dir=sys.argv[1])
    batches = train_batches(open_source(config, "train"), config, seed=0, batch_size=2)
    next(batches)
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_processes_end_with_the_main_process(tmp_path, drawn_data):
    script = tmp_path / "abandoned.py"
    script.write_text(ABANDONED)
    root = pathlib.Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, script, drawn_data],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL
    reader = pathlib.Path("/proc", ended.stdout.strip())
    for _ in range(100):
        if not reader.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"the process {reader.name} still runs")


def test_a_source_is_sent_without_its_decoded_images(small):
    source = Source(small.records, small.spec, cache=True)
    example = source[2]
    sent = pickle.dumps(source)
    assert len(sent) < len(pickle.dumps(small.records)) + 3_000
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received[2]["image"], example["image"])


def test_errors_arrive_with_their_message():
    error = DamagedData(pathlib.Path("a"), "why\nmore", ours=False)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
