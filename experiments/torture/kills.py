"""Commands that are killed at random moments, against ones that are left alone.

    python experiments/torture/kills.py --folder DIR --kills 6 --seed 1

A chain is a new folder in which a command is started, killed two to four times, and at
last left to end. Then everything in the folder is compared, bit for bit, with what the
same command leaves when nobody disturbs it. Every kill adds a line to results.jsonl.
Started again with the same seed, the campaign goes on where it stopped. The exit status
is 1 when a chain of this campaign ended with a difference.

    python experiments/torture/kills.py --folder DIR --kinds "train in a bucket" \\
        --address gs://bucket/torture

trains in a bucket. Before a start, the local copy of the run is deleted with a
probability of one half, as on another host. `python -m tests.runs.remote.servers gs
9000` starts a server on this machine; STORAGE_EMULATOR_HOST=http://localhost:9000
selects it.
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pty
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import buckets
from cases import CASES, Case, commands, set_up
from outcome import contents, differing, leftovers
from started import PATIENCE, Started, show

from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line

RESULTS = Path(__file__).with_name("results.jsonl")
ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling takes most of the time
}
SIGNALS = {"SIGKILL": 6, "SIGTERM": 2, "SIGHUP": 1, "terminal": 1}  # and how often
GRACE = 60.0  # seconds in which a command must obey a signal


@dataclasses.dataclass(frozen=True)
class Campaign:
    """Where a campaign works and what its draws begin with."""

    folder: Path
    seed: int
    address: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command."""
        own = {
            "JAXSEG_DATA_DIR": str(self.folder / "data"),
            "JAX_COMPILATION_CACHE_DIR": str(self.folder / "programs"),
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
            ),
        }
        return os.environ | ENVIRONMENT | own

    def start(self, case: Case, work: Path, *, on_terminal: bool = False) -> Started:
        """Starts the processes of a case in the folder `work`."""
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        work.mkdir(exist_ok=True)
        log, closing = work.with_name(f"{work.name}.log"), threading.Event()
        environment = self.environment | {"JAXSEG_RUNS_CACHE": str(_copies(work))}
        options = {"cwd": work, "env": environment, "start_new_session": True}
        with log.open("a") as output:
            options |= {"stdout": output, "stderr": output}
            if on_terminal:
                ours, theirs = pty.openpty()
                options |= dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
                options["start_new_session"] = False  # `setsid` does that
            run = self.run(work)
            lines = commands(case, self.folder / "shared", port, run)
            if on_terminal:
                lines = [["setsid", "--ctty", *line] for line in lines]
            processes = [subprocess.Popen(line, **options) for line in lines]
        if on_terminal:
            os.close(theirs)
            threading.Thread(target=show, args=(ours, closing)).start()
        return Started(processes, log, closing)

    def run(self, work: Path) -> str:
        """The address of the run that is trained in the folder `work`."""
        return f"{self.address}/{work.name.replace(' ', '-')}"

    def reset(self, case: Case, work: Path) -> None:
        """Deletes what an earlier chain has left."""
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(_copies(work), ignore_errors=True)
        if case.bucket:
            buckets.clear(self.run(work))

    def left(self, case: Case, work: Path) -> list[str]:
        """Downloads a run of a bucket to the folder `work`; what should not be left."""
        found = []
        if case.bucket:
            found = buckets.fetch(self.run(work), work / "run")
        return found + leftovers(work)

    def alone(self, name: str) -> tuple[float, dict[str, str]]:
        """How long a command takes undisturbed, and what it leaves."""
        known = self.folder / f"alone {name}.json"
        if not known.exists():
            work = self.folder / f"alone {name}"
            for _ in range(2):  # the first start also compiles
                self.reset(CASES[name], work)
                begin = time.monotonic()
                statuses = self.start(CASES[name], work).statuses(PATIENCE)
                seconds = time.monotonic() - begin
                if any(statuses) or (left := self.left(CASES[name], work)):
                    raise RuntimeError(f"{work}: {statuses}, {left}")
            known.write_text(json.dumps([seconds, contents(work)]))
        seconds, found = json.loads(known.read_text())
        return seconds, found

    def chain(self, name: str, number: int) -> list[dict]:
        """Kills a command a few times, lets it end and compares; a record per kill."""
        dice = random.Random(f"{self.seed} {name} {number}")
        work = self.folder / f"chain {name} {self.seed} {number}"
        case, (seconds, wanted) = CASES[name], self.alone(name)
        self.reset(case, work)
        work.with_name(f"{work.name}.log").unlink(missing_ok=True)
        records = []
        for _ in range(dice.randint(2, 4)):
            record = self._kill(case, work, seconds, dice)
            if record is None:
                break
            records.append(record)
        outcome = self._end(case, work, wanted)
        if outcome == "equal":
            self.reset(case, work)
        about = {"kind": name, "seed": self.seed, "chain": number}
        return [about | record | {"outcome": outcome} for record in records]

    def _kill(
        self, case: Case, work: Path, seconds: float, dice: random.Random
    ) -> dict | None:
        """One start that is killed; None when it ended before that."""
        several = len(case.processes) > 1
        chosen = dice.choices([*SIGNALS], [*SIGNALS.values()])[0]
        if several and chosen == "terminal":
            chosen = "SIGKILL"
        victim = dice.randrange(len(case.processes))
        inside = dice.random() < 0.5  # soon after a file is begun
        delay = dice.uniform(0, 0.03) if inside else 0.0
        moment = dice.uniform(0.2, 0.9) if inside else dice.uniform(0, 1)
        again = dice.uniform(0, 0.5) if dice.random() < 0.3 else None
        if case.bucket and dice.random() < 0.5:
            shutil.rmtree(_copies(work), ignore_errors=True)
        before = _unfinished(work)
        begin = time.monotonic()
        run = self.start(case, work, on_terminal=chosen == "terminal")
        while time.monotonic() < begin + moment * seconds and not run.ended():
            time.sleep(0.002)
        while inside and not run.ended() and not _unfinished(work) - before:
            time.sleep(0.002)
        time.sleep(delay)
        if run.ended():
            return self._ended_early(run)
        at = time.monotonic() - begin
        run.send(chosen, victim)
        if again is not None and chosen != "SIGKILL":
            time.sleep(again)
            run.send("SIGKILL", victim)
        statuses = run.statuses(GRACE)
        if not any(statuses):
            return None
        return {
            "signal": chosen
            + (", SIGKILL" * (again is not None and chosen != "SIGKILL")),
            **({"victim": victim} if several else {}),
            "moment": round(at, 2),
            "alone": round(seconds, 2),
            "statuses": statuses,
            "orphans": run.orphans,
            "unfinished": len(_unfinished(work)),
        }

    def _ended_early(self, run: Started) -> None:
        statuses = run.statuses(PATIENCE)
        if any(status not in (0, 1) for status in statuses):
            raise RuntimeError(f"{statuses}, undisturbed: see {run.log}")

    def _end(self, case: Case, work: Path, wanted: dict[str, str]) -> str:
        """Lets the command end; what is wrong with its result."""
        statuses = [0]
        if not (case.done and (work / case.done).exists()):
            statuses = self.start(case, work).statuses(PATIENCE)
        if any(statuses):
            return f"ended with {statuses}: {_last_line(work)}"
        left = self.left(case, work)
        if names := differing(wanted, contents(work)):
            return f"{len(names)} differences: {', '.join(names[:4])}"
        if names := left:
            return f"{len(names)} left over: {', '.join(names[:4])}"
        return "equal"


def _unfinished(work: Path) -> set[str]:
    """What is being written, or was left by a process that died; locks do not count."""
    with contextlib.suppress(OSError):  # folders come and go
        found = leftovers(work) + leftovers(_copies(work))
        return {name for name in found if "lock" not in name}
    return set()


def _copies(work: Path) -> Path:
    """Where runs in buckets are trained."""
    return work.with_name(f"{work.name} copies")


def _last_line(work: Path) -> str:
    log = work.with_name(f"{work.name}.log")
    return (log.read_text().strip().splitlines() or [""])[-1]


def _recorded(seed: int) -> collections.Counter:
    """Kills of each kind that a campaign has recorded, and chains as (kind, number)."""
    rows = map(json.loads, RESULTS.read_text().splitlines())
    rows = [row for row in rows if row.get("seed") == seed and "chain" in row]
    kills = collections.Counter(row["kind"] for row in rows)
    return kills + collections.Counter({(r["kind"], r["chain"]): 1 for r in rows})


def main() -> int:
    """Runs what is missing of a campaign and records it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=6, help="of each kind, at least")
    parser.add_argument("--kinds", nargs="+", default=[*CASES], choices=[*CASES])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--address", help="a folder in a bucket, for its kind")
    given = parser.parse_args()
    if not given.address:
        given.kinds = [name for name in given.kinds if not CASES[name].bucket]
    campaign = Campaign(given.folder.absolute(), given.seed, given.address)
    set_up(campaign.folder / "shared", campaign.environment)
    about = {
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "command": f"python experiments/torture/kills.py --seed {given.seed}",
    }
    wrong = 0
    for name in given.kinds:
        number = 0
        while _recorded(given.seed)[name] < given.kills:
            if not _recorded(given.seed)[name, number]:
                for record in campaign.chain(name, number):
                    print(json.dumps(record), flush=True)
                    append_line(RESULTS, record | about)
                    wrong += record["outcome"] != "equal"
            number += 1
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
