"""Compares `jaxseg predict` with the same work in PyTorch, process by process.

    python experiments/predict_speed/compare.py CAMVID/train --work DIR

Both sides get the same images and the same weights: random ones whose normalization
statistics are measured, so that all classes occur. The sides take turns. Each turn is a
new process, from its start to its end, so the time contains imports, the weights and
the compilation. The first turn of jaxseg starts with an empty cache of compiled
programs, the others with a filled one. CPU time is measured as well, because it is
comparable even if other programs run. With several threads it contains the time in
which threads wait actively for each other, as those of PyTorch do, so that only
`--cores 1` compares the work itself.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import sys
import time

import numpy as np
from PIL import Image

from jaxseg.bench.pytorch import versions

HERE = pathlib.Path(__file__).parent
# The command of this environment.
JAXSEG = str(pathlib.Path(sys.executable).with_name("jaxseg"))


def prepare(images: str, work: pathlib.Path, network: str, count: int) -> None:
    """Links the images, and writes the weights for both sides."""
    folder = work / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(pathlib.Path(images).glob("*.png"))[:count]:
        link = folder / path.name
        if not link.exists():
            link.symlink_to(path.resolve())
    weights, run = work / f"{network}.pth", work / network
    if not weights.exists():
        script = [sys.executable, str(HERE / "torch_side.py"), "weights"]
        subprocess.run([*script, network, str(weights), str(folder)], check=True)
    if not run.exists():
        command = ["convert", str(weights), "-o", str(run), "--model", NAMES[network]]
        subprocess.run([JAXSEG, *command], check=True)


NAMES = {  # The names of the networks in torchvision and in jaxseg.
    "deeplabv3_resnet50": "deeplabv3_resnet50",
    "deeplabv3_mobilenet_v3_large": "deeplabv3_mobilenetv3",
}


def commands(work: pathlib.Path, network: str, batch: int) -> dict[str, list[str]]:
    """Returns the command line of each side."""
    images, run = work / "images", work / network
    ours = [JAXSEG, "predict", str(images)]
    ours += ["--workdir", str(run), "-o", str(work / "jaxseg"), "--overwrite"]
    ours += ["--no-overlay", f"--batch-size={batch}"]
    theirs = [sys.executable, str(HERE / "torch_side.py"), "predict", network]
    theirs += [str(work / f"{network}.pth"), str(images), str(work / "torch")]
    theirs.append(str(batch))
    return {"jaxseg": ours, "torch": theirs}


def timed(command: list[str], cache: pathlib.Path) -> dict[str, float]:
    """Runs a command; returns its wall time, its CPU time and the load of others."""
    before, busy = resource.getrusage(resource.RUSAGE_CHILDREN), busy_seconds()
    start = time.perf_counter()
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    environment |= {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}")
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(after[:2]) - sum(before[:2])
    others = (busy_seconds() - busy - cpu) / (wall * os.cpu_count())
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "others": round(others, 3),
    }


def busy_seconds() -> float:
    """Returns how long all cores together have been busy since the start."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, interrupt, soft = map(
            int, file.readline().split()[1:8]
        )
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def agreement(work: pathlib.Path) -> tuple[float, int, int]:
    """Returns the share of equal labels, the number of images and of classes."""
    equal = total = 0
    classes: set[int] = set()
    paths = sorted((work / "torch").glob("*.png"))
    for path in paths:
        one, other = (
            np.asarray(Image.open(p)) for p in (path, work / "jaxseg" / path.name)
        )
        equal, total = equal + int((one == other).sum()), total + one.size
        classes |= set(np.unique(other).tolist())
    return equal / total, len(paths), len(classes)


def main() -> None:
    """Measures turns of both sides in the order A B A B."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--network", choices=NAMES, default="deeplabv3_resnet50")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--results", type=pathlib.Path)
    given = parser.parse_args()
    os.sched_setaffinity(0, range(given.cores))  # Both sides inherit it.
    prepare(given.images, given.work, given.network, given.count)
    cache = given.work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    commit = ["git", "rev-parse", "--short", "HEAD"]
    rows = []
    for turn in range(given.rounds):
        for side, command in commands(given.work, given.network, given.batch).items():
            shutil.rmtree(given.work / side, ignore_errors=True)
            row = {"side": side, "turn": turn, "network": given.network}
            row |= {"count": given.count, "batch": given.batch}
            row |= (
                {"cache": "cold" if turn == 0 else "warm"} if side == "jaxseg" else {}
            )
            rows.append(row | timed(command, cache))
            print(rows[-1], flush=True)
    share, images, classes = agreement(given.work)
    common = {
        "images": images,
        "classes": classes,
        "equal_labels": round(share, 6),
        "commit": subprocess.check_output(commit, text=True).strip(),
        "seed": 0,
        "versions": {"python": platform.python_version(), **versions()},
        "hardware": f"{given.cores} of {os.cpu_count()} CPU cores",
        "command": "compare.py CAMVID/train --work DIR "
        f"--network {given.network} --count {given.count} --batch {given.batch} "
        f"--cores {given.cores}",
    }
    print(common)
    if given.results:
        with given.results.open("a") as file:
            file.writelines(json.dumps(row | common) + "\n" for row in rows)


if __name__ == "__main__":
    main()
