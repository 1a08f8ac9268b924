"""Two processes train as one does; a signal to either stops both at one step."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ARGUMENTS = (
    "train", "--distributed",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=2",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:7]",
    "--data.crop", "32", "48",
    "--train.batch-size=8", "--train.eval-batch-size=4",
    "--train.log-every=2", "--train.eval-every=4", "--train.save-every=3",
    "--train.overlay-count=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    shared = tmp_path_factory.mktemp("shared")
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAXSEG_DATA_DIR": str(shared / "data"),
        "JAX_COMPILATION_CACHE_DIR": str(shared / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def launch(environment, workdir, *more, processes=2, devices=2):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    where = {
        "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
        "JAX_NUM_PROCESSES": str(processes),
        "JAX_NUM_CPU_DEVICES": str(devices),
    }
    command = [sys.executable, "-m", "jaxseg.cli.main", *ARGUMENTS]
    return [
        subprocess.Popen(
            [*command, f"--workdir={workdir}", *more],
            env=environment | where | {"JAX_PROCESS_ID": str(process)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in range(processes)
    ]


def finish(runs, status=0):
    texts = [run.communicate(timeout=400)[0] for run in runs]
    assert [run.returncode for run in runs] == [status] * len(runs), "\n".join(texts)
    return texts


def rows(workdir, kind):
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [row for row in lines if row["kind"] == kind]


def test_two_processes_are_one_run(environment, tmp_path):
    texts = finish(launch(environment, tmp_path / "two", "--train.steps=8"))
    assert "mean IoU" in texts[0] and "mean IoU" not in texts[1]
    one = launch(
        environment, tmp_path / "one", "--train.steps=8", processes=1, devices=4
    )
    finish(one)
    for kind, name in (("train", "loss"), ("eval", "pixels")):
        pairs = zip(
            rows(tmp_path / "two", kind), rows(tmp_path / "one", kind), strict=True
        )
        for two, alone in pairs:
            np.testing.assert_allclose(two[name], alone[name], rtol=1e-4)


def test_a_signal_to_one_process_stops_both_and_one_process_goes_on(
    environment, tmp_path
):
    runs = launch(environment, tmp_path, "--train.steps=100000")
    end = time.monotonic() + 300
    while not list((tmp_path / "ckpt").glob("[0-9]*")) and time.monotonic() < end:
        time.sleep(0.05)
    runs[1].send_signal(signal.SIGTERM)
    texts = finish(runs, status=143)
    steps = {text.split("SIGTERM at step ")[1].split(";")[0] for text in texts}
    assert len(steps) == 1
    (step,) = steps
    assert (tmp_path / "ckpt" / step).is_dir()
    more = f"--train.steps={int(step) + 1}"
    text = finish(launch(environment, tmp_path, more, processes=1, devices=4))[0]
    assert f"resuming at step {step}" in text
