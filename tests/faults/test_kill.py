"""Runs that die: killed at any moment, asked to stop, out of disk space.

Each run is a process of its own. The network is small and the data are drawn; what
must hold is that the parameters end bit for bit as if nothing had happened. Kills at
random moments and inside saves are in test_torture.py, and damaged checkpoints in
test_starts.py.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxseg.checkpoints.steps import steps_in
from jaxseg.training.run.meter import CLOCKS

pytestmark = pytest.mark.slow

STEPS = 24
ARGUMENTS = (  # The training step is that of torture.py, so that it is compiled once.
    "train",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:6]",
    "--data.crop", "32", "48",
    "--train.batch-size=4", f"--train.steps={STEPS}", "--train.ema=0.9",
    "--train.log-every=3", "--train.eval-every=8", "--train.save-every=2",
    "--train.num-overlays=1", "--train.report-images=2",
)  # fmt: skip
LIMITED = (  # no file may grow beyond the first argument
    "import resource, signal, sys\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "limit = int(sys.argv.pop(1))\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
    "from jaxseg.cli.main import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


@pytest.fixture(scope="module")
def start(forks):
    """`start(workdir, *more)` starts the run, or goes on with it."""
    return lambda workdir, *more: forks.start(*ARGUMENTS, f"--workdir={workdir}", *more)


def outcome(workdir):
    """Every array of the last checkpoint, and the record without the clocks."""
    with ocp.StandardCheckpointer() as reader:
        tree = reader.restore((workdir / "ckpt" / str(STEPS) / "state").absolute())
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").open()]
    rows = [{k: v for k, v in row.items() if k not in CLOCKS} for row in rows]
    arrays = {
        jax.tree_util.keystr(path): _bytes(leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }
    return arrays, rows


def _bytes(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf).tobytes()


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """Work directory of the run that nothing happened to; read only."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    run = start(workdir)
    text, _ = run.communicate(timeout=300)
    assert run.returncode == 0, text
    return workdir


def assert_same(workdir, undisturbed):
    (arrays, rows), (others, lines) = outcome(workdir), outcome(undisturbed)
    assert arrays.keys() == others.keys()
    assert [name for name in arrays if arrays[name] != others[name]] == []
    assert rows == lines
    assert "on the first 2 images of 6;" in (workdir / "report.html").read_text()


def wait_for(run, condition, seconds=240):
    """Whether the condition came true while the process lived."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and run.poll() is None:
        if condition():
            return True
        time.sleep(0.005)
    return False


def saved(workdir):
    return steps_in(workdir / "ckpt")


def children(process):
    """The numbers of the processes that a process has started."""
    path = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(word) for word in path.read_text().split()]


def test_a_stopped_and_then_killed_run_ends_as_a_whole_one(
    start, tmp_path, undisturbed
):
    run = start(tmp_path)
    assert wait_for(run, lambda: saved(tmp_path))
    run.send_signal(signal.SIGTERM)
    text, _ = run.communicate(timeout=120)
    assert run.returncode == 143, text
    assert "stopped by SIGTERM at step" in text
    step = int(text.split("stopped by SIGTERM at step")[1].split(";")[0])
    run = start(tmp_path, "--retries", "1")
    assert wait_for(run, lambda: max(saved(tmp_path)) > step)
    (child,) = children(run)
    os.kill(child, signal.SIGKILL)
    text, _ = run.communicate(timeout=300)
    assert run.returncode == 0, text
    assert f"resuming at step {step} of {STEPS}" in text
    assert "the training process ended with status 137 after the checkpoint" in text
    assert_same(tmp_path, undisturbed)


def test_no_space_for_a_checkpoint(environment, tmp_path, undisturbed):
    """A limit on file sizes makes real writes fail, inside the storage library too."""
    workdir = shutil.copytree(undisturbed, tmp_path / "run")
    arguments = [a for a in ARGUMENTS if "overlay" not in a]
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, "20000", *arguments,
         f"--workdir={workdir}", "--train.num-overlays=0", f"--train.steps={STEPS + 8}"],
        # No cache: it would keep the programs that this run cannot write whole.
        env=environment | {"JAX_COMPILATION_CACHE_DIR": "", "JAXSEG_CACHE_GB": "0"},
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    assert len(run.stderr.splitlines()) == 1, run.stderr
    line = run.stderr.strip()
    assert line.startswith("jaxseg: ") and "checkpoint" in line
    assert line.endswith(f"step {STEPS} is the last intact one")
