"""Two processes train as one does; signals and deaths of one reach the other."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxseg.checkpoints.steps import steps_in

pytestmark = pytest.mark.slow

ARGUMENTS = (
    "train",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:7]",
    "--data.crop", "32", "48",
    "--train.batch-size=8", "--train.eval-batch-size=4", "--train.ema=0.9",
    "--train.log-every=2", "--train.eval-every=12", "--train.save-every=3",
)  # fmt: skip
STEPS = 24
LOST = 5  # exit status


@pytest.fixture(scope="module")
def environment(drawn_data, tmp_path_factory):
    shared = tmp_path_factory.mktemp("shared")
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAXSEG_DATA_DIR": str(drawn_data),
        "JAX_COMPILATION_CACHE_DIR": str(shared / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling takes most of the time
    }


def launch(environment, workdir, *, processes=2, devices=2, overlays=0):
    """Starts the processes of one run; they have four devices in all."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jaxseg.cli.main", *ARGUMENTS]
    command += [f"--train.steps={STEPS}", f"--train.num-overlays={overlays}"]
    command += ["--train.report-images=0"]
    where = [f"--workdir={workdir}", f"--coordinator=localhost:{port}"]
    return [
        subprocess.Popen(
            [*command, *where, f"--processes={processes}", f"--process-id={i}"],
            env=environment | {"JAX_NUM_CPU_DEVICES": str(devices)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(processes)
    ]


def finish(runs, status=0):
    try:
        texts = [run.communicate(timeout=900)[0] for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == [status] * len(runs), "\n".join(texts)
    return texts


def rows(workdir, kind):
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [row for row in lines if row["kind"] == kind]


def checkpoints(workdir):
    return set(steps_in(workdir / "ckpt"))


def wait_for_checkpoint(runs, workdir, after=0, seconds=900):
    end = time.monotonic() + seconds
    while max(checkpoints(workdir), default=0) <= after and time.monotonic() < end:
        if any(run.poll() is not None for run in runs):
            pytest.fail(finish(runs)[0])
        time.sleep(0.01)


def arrays(workdir):
    """Bytes of every array of the last checkpoint, read on other devices."""
    folder = (workdir / "ckpt" / str(STEPS) / "state").absolute()
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        stored = reader.metadata(folder).item_metadata.tree
        args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
        tree = reader.restore(folder, args=ocp.args.PyTreeRestore(restore_args=args))
    return {
        jax.tree_util.keystr(path): np.asarray(leaf).tobytes()
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


@pytest.fixture(scope="module")
def two(environment, tmp_path_factory):
    """Work directory of two processes that nothing happened to."""
    workdir = tmp_path_factory.mktemp("two")
    texts = finish(launch(environment, workdir, overlays=1))
    assert "mean IoU" in texts[0] and "mean IoU" not in texts[1]
    hosts = rows(workdir, "hosts")
    assert [row["step"] for row in hosts][:3] == [2, 4, 6]
    assert all(row["slowest_host"] in (0, 1) for row in hosts)
    assert all(len(row["input_wait_by_host"]) == 2 for row in hosts)
    assert all(row["slowest_host_ratio"] >= 1 for row in hosts)
    return workdir


def test_a_lost_process_ends_the_other_in_words_and_both_go_on_exactly(
    environment, tmp_path, two
):
    """Killed: first the one that others report to, then, after a restart, the other."""
    for victim in (0, 1):
        before = max(checkpoints(tmp_path), default=0)
        runs = launch(environment, tmp_path)
        wait_for_checkpoint(runs, tmp_path, after=before)
        runs[victim].kill()
        killed = time.monotonic()
        survivor = runs[1 - victim]
        text, _ = survivor.communicate(timeout=100)
        assert survivor.returncode == LOST, text
        assert (
            time.monotonic() - killed < 90
        )  # at most --heartbeat-timeout, and a margin
        last = text.splitlines()[-1]
        assert last.startswith(f"jaxseg: process {1 - victim} of 2: another process")
        assert last.endswith("to resume from the last checkpoint")
        runs[victim].communicate()
    texts = finish(launch(environment, tmp_path))
    assert "resuming at step" in texts[0]
    assert arrays(tmp_path) == arrays(two)


def test_a_signal_to_one_process_stops_both_and_one_process_goes_on(
    environment, tmp_path, two
):
    """The record is that of two processes: losses, and pixels of every class."""
    runs = launch(environment, tmp_path)
    wait_for_checkpoint(runs, tmp_path)
    runs[1].send_signal(signal.SIGTERM)
    texts = finish(runs, status=143)
    steps = {text.split("SIGTERM at step ")[1].split(";")[0] for text in texts}
    assert len(steps) == 1
    (step,) = steps
    assert (tmp_path / "ckpt" / step).is_dir() and int(step) < STEPS
    text = finish(launch(environment, tmp_path, processes=1, devices=4))[0]
    assert f"resuming at step {step}" in text
    for kind, name, count in (("train", "loss", STEPS / 2), ("eval", "pixels", 2)):
        pairs = list(zip(rows(two, kind), rows(tmp_path, kind), strict=True))
        assert len(pairs) == count
        for together, alone in pairs:
            np.testing.assert_allclose(together[name], alone[name], rtol=1e-4)
