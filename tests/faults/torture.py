"""A training run that is killed at random moments, against one that is left alone.

    python tests/faults/torture.py --kills 200 --folder DIR

One process imports jaxseg and forks; every child is one start of `jaxseg train`, and
gets its signal at a moment counted from its own sign of having started. Prints one line
of JSON; exit status 1 when any array or record differs. test_torture.py runs a short
form.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.steps import steps_in
from jaxseg.cli import train
from jaxseg.cli.main import main as jaxseg
from jaxseg.training.run.meter import CLOCKS

MODULE = train.__name__  # imported before the forks
ARGUMENTS = (
    "train", "--devices=1",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:4]",
    "--data.crop", "32", "48",
    "--train.batch-size=4", "--train.ema=0.9", "--train.num-overlays=0", "--train.report-images=0",
    "--train.log-every=1", "--train.eval-every=16", "--train.save-every=3",
)  # fmt: skip
KINDS = {  # when a start is killed, and how often
    "early": 1,  # while it imports, compiles or restores
    "running": 9,  # after some steps
    "saving": 7,  # while a checkpoint is being written
    "terminated": 2,  # SIGTERM, and SIGKILL while it obeys
    "asked": 1,  # SIGTERM alone, which is obeyed
}
PATIENCE = 600.0  # seconds without any output


@dataclasses.dataclass
class Run:
    """One start of the program: a forked child and what it has printed."""

    pid: int
    pipe: int
    text: str = ""
    status: int | None = None

    def read(self, seconds: float) -> None:
        """Takes what is printed within `seconds`."""
        if select.select([self.pipe], [], [], seconds)[0]:
            self.text += os.read(self.pipe, 65536).decode(errors="replace")

    def ended(self) -> bool:
        """Whether the child is gone."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def signal(self, number: int) -> None:
        """Sends a signal unless the child is gone."""
        if not self.ended():
            os.kill(self.pid, number)

    def finish(self) -> int:
        """Waits for the end; minus the signal's number for a child that was killed."""
        last, length = time.monotonic(), len(self.text)
        while not self.ended():
            self.read(0.05)
            if len(self.text) > length:
                last, length = time.monotonic(), len(self.text)
            if time.monotonic() - last > PATIENCE:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"nothing printed for {PATIENCE} s:\n{self.text}")
        while select.select([self.pipe], [], [], 0)[0]:
            if not (rest := os.read(self.pipe, 65536)):
                break
            self.text += rest.decode(errors="replace")
        os.close(self.pipe)
        return self.status

    def started(self) -> bool:
        """Whether the loop has begun."""
        return "starting at step" in self.text or "resuming at step" in self.text

    def steps(self) -> int:
        """Steps logged so far."""
        return self.text.count("\nstep ")


def start(workdir: Path, data: Path, steps: int) -> Run:
    """Forks a child that runs the command line."""
    where = (f"--workdir={workdir}", f"--data.prepared-dir={data}")
    sys.stdout.flush()
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return Run(pid, read)
    status = 70
    try:
        os.close(read)
        os.dup2(write, 1)
        os.dup2(write, 2)
        status = jaxseg([*ARGUMENTS, *where, f"--train.steps={steps}"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def unfinished(workdir: Path) -> set[tuple[str, int]]:
    """Checkpoints that are being written, or whose writer died; name and inode."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(workdir / "ckpt"):
            if "orbax-checkpoint-tmp" in entry.name:
                found.add((entry.name, entry.inode()))
    return found


def latest(workdir: Path) -> int:
    """Step of the newest complete checkpoint."""
    return max(steps_in(workdir / "ckpt"), default=0)


def wait(run: Run, condition, poll: float = 0.002) -> bool:
    """Whether the condition came true while the child lived."""
    while not run.ended():
        run.read(poll)
        if condition():
            return True
    return False


def disturb(
    run: Run, kind: str, steps: int, workdir: Path, dice: random.Random
) -> None:
    """Brings a start to a moment of its kind, and kills it there."""
    if kind == "early":
        wait(run, run.started, dice.uniform(0, 0.2))
        time.sleep(dice.uniform(0, 1.0))
    elif wait(run, lambda: run.started() and run.steps() >= steps):
        if kind == "saving":
            old = unfinished(workdir)
            wait(run, lambda: unfinished(workdir) - old, poll=0.0)
            time.sleep(dice.uniform(0, 0.04))
        elif kind == "running":
            time.sleep(dice.uniform(0, 0.2))
        else:
            run.signal(signal.SIGTERM)
            time.sleep(dice.uniform(0, 0.2))
    if kind != "asked":
        run.signal(signal.SIGKILL)


def torture(workdir: Path, data: Path, *, steps: int, kills: int, seed: int) -> dict:
    """Kills a run `kills` times, lets it end, and counts what happened."""
    dice = random.Random(seed)
    counts = {"kills": 0, "inside_a_save": 0, "sigterm_obeyed": 0, "starts": 0}
    counts |= dict.fromkeys(KINDS, 0)
    while counts["kills"] < kills:
        left = steps - latest(workdir)
        share = 2 * left / (kills - counts["kills"] + 1)
        (kind,) = dice.choices([*KINDS], [*KINDS.values()])
        before = unfinished(workdir)
        run = start(workdir, data, steps)
        disturb(run, kind, min(int(dice.uniform(0, share)), left - 3), workdir, dice)
        status = run.finish()
        counts["starts"] += 1
        if status == -signal.SIGKILL:
            counts["kills"] += 1
            counts[kind] += 1
            counts["inside_a_save"] += bool(unfinished(workdir) - before)
        elif status == 128 + signal.SIGTERM:
            counts["sigterm_obeyed"] += 1
        else:
            raise RuntimeError(f"a start ended with {status}:\n{run.text}")
        if counts["kills"] % 20 == 0:
            print(f"{counts}, step {latest(workdir)} of {steps}", file=sys.stderr)
    run = start(workdir, data, steps)
    if run.finish():
        raise RuntimeError(f"the last start ended with {run.status}:\n{run.text}")
    return counts


def outcome(workdir: Path, steps: int) -> tuple[dict[str, bytes], list[dict]]:
    """Every array of the last checkpoint, and the record without the clocks."""
    with ocp.StandardCheckpointer() as reader:
        tree = reader.restore((workdir / "ckpt" / str(steps) / "state").absolute())
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").open()]
    rows = [{k: v for k, v in row.items() if k not in CLOCKS} for row in rows]
    arrays = {
        jax.tree_util.keystr(path): _bytes(leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }
    return arrays, rows


def _bytes(leaf) -> bytes:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf).tobytes()


def main() -> int:
    """Runs both, compares, prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--steps", type=int, help="default: three per kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    steps = given.steps or 3 * given.kills
    data, clock = given.folder / "data", time.monotonic()
    whole = start(given.folder / "whole", data, steps)
    if whole.finish():
        raise RuntimeError(whole.text)
    alone = time.monotonic() - clock
    killed = given.folder / f"killed{given.seed}"
    counts = torture(killed, data, steps=steps, kills=given.kills, seed=given.seed)
    seconds = time.monotonic() - clock - alone
    (arrays, rows), (others, lines) = (
        outcome(path, steps) for path in (given.folder / "whole", killed)
    )
    differing = sorted(
        name for name in arrays.keys() | others if arrays.get(name) != others.get(name)
    )
    result = {
        "steps": steps, "seed": given.seed, **counts,
        "arrays": len(arrays), "differing": differing, "records_equal": rows == lines,
        "seconds_alone": round(alone), "seconds_killed": round(seconds),
    }  # fmt: skip
    print(json.dumps(result))
    return int(bool(differing) or rows != lines)


if __name__ == "__main__":
    sys.exit(main())
