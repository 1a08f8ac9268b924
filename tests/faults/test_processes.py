"""Two processes train as one does; signals and deaths of one reach the other."""

import json
import signal
import socket
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
    "--train.log-every=2", "--train.eval-every=18", "--train.save-every=3",
    "--train.max-to-keep=20", "--train.report-images=0",
)  # fmt: skip
STEPS = 36
LOST = 5  # exit status


@pytest.fixture(scope="module")
def launch(forks):
    """`launch(workdir)` starts the processes of a run; they have four devices in all."""

    def start(workdir, *, processes=2, overlays=0):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        words = [*ARGUMENTS, f"--train.steps={STEPS}", f"--workdir={workdir}"]
        words += [f"--train.num-overlays={overlays}", f"--processes={processes}"]
        words += [f"--coordinator=localhost:{port}"]
        return [
            forks.start(*words, f"--process-id={i}", devices=4 // processes)
            for i in range(processes)
        ]

    return start


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


def arrays(workdir, step):
    """Bytes of every array of a checkpoint, read on other devices."""
    folder = (workdir / "ckpt" / str(step) / "state").absolute()
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        stored = reader.metadata(folder).item_metadata.tree
        args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
        tree = reader.restore(folder, args=ocp.args.PyTreeRestore(restore_args=args))
    return {
        jax.tree_util.keystr(path): np.asarray(leaf).tobytes()
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


def lose(launch, workdir, victim):
    """Kills one process after a new checkpoint; the other ends in words."""
    before = max(checkpoints(workdir), default=0)
    runs = launch(workdir)
    wait_for_checkpoint(runs, workdir, after=before)
    runs[victim].kill()
    killed = time.monotonic()
    survivor = runs[1 - victim]
    text, _ = survivor.communicate(timeout=100)
    assert survivor.returncode == LOST, text
    # At most --heartbeat-timeout, and a margin.
    assert time.monotonic() - killed < 90
    last = text.splitlines()[-1]
    assert last.startswith(f"jaxseg: process {1 - victim} of 2: another process")
    assert last.endswith("to resume from the last checkpoint")
    runs[victim].communicate(timeout=100)


def test_after_a_loss_and_a_signal_a_run_goes_on_exactly(launch, tmp_path):
    """The record is that of two processes: losses, and pixels of every class.

    Killed: first the process that others report to, then, after a restart, the other.
    """
    two, cut = tmp_path / "two", tmp_path / "cut"
    texts = finish(launch(two, overlays=1))
    assert "mean IoU" in texts[0] and "mean IoU" not in texts[1]
    hosts = rows(two, "hosts")
    assert [row["step"] for row in hosts][:3] == [2, 4, 6]
    assert all(row["slowest_host"] in (0, 1) for row in hosts)
    assert all(len(row["input_wait_by_host"]) == 2 for row in hosts)
    assert all(row["slowest_host_ratio"] >= 1 for row in hosts)
    lose(launch, cut, 0)
    lose(launch, cut, 1)
    lost = max(checkpoints(cut))
    runs = launch(cut)
    wait_for_checkpoint(runs, cut, after=lost)
    runs[1].send_signal(signal.SIGTERM)
    texts = finish(runs, status=143)
    assert f"resuming at step {lost}" in texts[0]
    steps = {text.split("SIGTERM at step ")[1].split(";")[0] for text in texts}
    assert len(steps) == 1
    (step,) = steps
    assert step in map(str, checkpoints(cut)) and int(step) < STEPS
    both = max(checkpoints(two) & checkpoints(cut))
    assert both > lost and arrays(cut, both) == arrays(two, both)
    text = finish(launch(cut, processes=1))[0]
    assert f"resuming at step {step}" in text
    for kind, name, count in (("train", "loss", STEPS / 2), ("eval", "pixels", 2)):
        pairs = list(zip(rows(two, kind), rows(cut, kind), strict=True))
        assert len(pairs) == count
        for together, alone in pairs:
            np.testing.assert_allclose(together[name], alone[name], rtol=1e-4)
