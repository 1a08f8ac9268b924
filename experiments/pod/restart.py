"""Restarts a run on other numbers of processes and devices, and compares the results.

    python experiments/pod/restart.py --folder DIR

One run is left alone: two processes with two devices each. The other run starts in the
same way, and one of its processes is killed after a checkpoint. One process with two
devices continues it and gets SIGTERM after a further checkpoint. Four processes with
one device each finish it. The script prints one line of JSON, which results.jsonl
contains. The exit status is 1 if an array of the last checkpoint differs by more than
rounding.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

import jaxseg
from jaxseg.checkpoints.steps import steps_in
from jaxseg.training.run.metric_reader import read_metrics

STEPS = 24
TOLERANCE = 1e-3  # of the largest value of an array, after 24 steps
LOST, STOPPED = 5, 143  # exit statuses
ARGUMENTS = (
    "train",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--model.options.style.norm=group", "--model.options.style.groups=2",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:7]",
    "--data.crop", "32", "48",
    "--optim.name=sgd", "--optim.learning-rate=0.05",
    "--train.batch-size=8", "--train.eval-batch-size=4", "--train.ema=0.9",
    "--train.log-every=2", "--train.eval-every=12", "--train.save-every=3",
    f"--train.steps={STEPS}", "--train.num-overlays=0", "--train.report-images=0",
)  # fmt: skip


def launch(folder: Path, name: str, processes: int, devices: int) -> list:
    """Starts the processes of a run; each has `devices` simulated devices."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAXSEG_DATA_DIR": str(folder / "data"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # Compilation takes most of the time.
    }
    where = [f"--workdir={folder / name}", f"--coordinator=localhost:{port}"]
    program = str(Path(sys.executable).with_name("jaxseg"))
    command = [program, *ARGUMENTS, *where]
    return [
        subprocess.Popen(
            [*command, f"--processes={processes}", f"--process-id={index}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(processes)
    ]


def statuses(runs: list) -> list[int]:
    """Waits for processes and returns their exit statuses."""
    texts = [run.communicate(timeout=900)[0] for run in runs]
    found = [run.returncode for run in runs]
    if set(found) - {0, LOST, STOPPED, -signal.SIGKILL}:
        sys.exit("\n".join(texts))
    return found


def newest(folder: Path, name: str) -> int:
    """Returns the step of the newest checkpoint of a run, or 0."""
    return max(steps_in(folder / name / "ckpt"), default=0)


def wait_for_checkpoint(runs: list, folder: Path, name: str, after: int) -> None:
    """Waits until a run has a checkpoint that is newer than a step."""
    while newest(folder, name) <= after:
        if any(run.poll() is not None for run in runs):
            statuses(runs)
            sys.exit("the run ended before its next checkpoint")
        time.sleep(0.02)


def arrays(workdir: Path) -> dict[str, np.ndarray]:
    """Reads every array of the last checkpoint of a run."""
    folder = (workdir / "ckpt" / str(STEPS) / "state").absolute()
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        stored = reader.metadata(folder).item_metadata.tree
        args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
        tree = reader.restore(folder, args=ocp.args.PyTreeRestore(restore_args=args))
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the largest difference, as a fraction of the largest value."""
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0)
    return float(apart / max(np.abs(one).max(initial=0.0), 1e-12))


def disturbed(folder: Path) -> list[dict]:
    """Runs with two, one and four processes; returns what happened to each."""
    history = []
    for processes, devices, number in ((2, 2, signal.SIGKILL), (1, 2, signal.SIGTERM)):
        before = newest(folder, "disturbed")
        runs = launch(folder, "disturbed", processes, devices)
        wait_for_checkpoint(runs, folder, "disturbed", before)
        runs[-1].send_signal(number)
        ended = statuses(runs)
        history.append(
            {
                "processes": processes,
                "devices": processes * devices,
                "signal": number.name,
                "statuses": ended,
                "newest_checkpoint": newest(folder, "disturbed"),
            }
        )
    ended = statuses(launch(folder, "disturbed", 4, 1))
    history.append({"processes": 4, "devices": 4, "statuses": ended})
    return history


def compare(folder: Path) -> dict:
    """Returns how much the two runs differ: arrays, losses and counted pixels."""
    alone, other = folder / "undisturbed", folder / "disturbed"
    one, two = arrays(alone), arrays(other)
    worst = {name: difference(one[name], two[name]) for name in one}
    losses = [
        [row["loss"] for row in read_metrics(run, "train")] for run in (alone, other)
    ]
    pixels = [
        [row["pixels"] for row in read_metrics(run, "eval")] for run in (alone, other)
    ]
    return {
        "arrays": len(one),
        "same_names": set(one) == set(two),
        "largest_difference": max(worst.values()),
        "in": max(worst, key=worst.get),
        "equal_arrays": sum(value == 0 for value in worst.values()),
        "losses": len(losses[0]),
        "largest_loss_difference": difference(*map(np.array, losses)),
        "same_pixels": pixels[0] == pixels[1],
    }


def main() -> int:
    """Runs both, prints the comparison, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    statuses(launch(folder, "undisturbed", 2, 2))
    history = disturbed(folder)
    found = compare(folder)
    about = {"study": "restart", "jax": jax.__version__, "jaxseg": jaxseg.__version__}
    about |= {"command": "python experiments/pod/restart.py --folder DIR"}
    about |= {"seconds": round(time.monotonic() - start), "history": history}
    print(json.dumps(about | found))
    good = found["same_names"] and found["largest_difference"] <= TOLERANCE
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
