"""`jaxseg bench`: operators and networks, timed side by side with PyTorch.

    jaxseg bench --output speed                      all, beside PyTorch if it is there
    jaxseg bench --filter depthwise --parts ops        some rows
    jaxseg bench --quick                             a few rows, a minute, rough
    jaxseg bench --device gpu --output speed_gpu     bfloat16 against autocast

Each row is a line appended to OUTPUT/results.jsonl as soon as it is measured. Rows that
are on file and clean are passed over, so that an interrupted or disturbed run is
finished by the same command. OUTPUT/table.md and the charts show the last clean row of
each key; a row that only ran beside other processes is marked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.runs.rules import number, optional, whole
from jaxseg.storage.json_file import append_line
from jaxseg.storage.places import make_folder
from jaxseg.text import as_message, counted

PARTS = ("ops", "models", "memory")


BOUNDS = {
    "budget": optional(number(above=0)),
    "threads": whole(0, 4_096),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Time operators and networks beside PyTorch in one process."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench")
    """Directory for results.jsonl, table.md and charts."""
    device: Literal["cpu", "gpu"] = "cpu"
    """What both sides run on."""
    parts: tuple[Literal["ops", "models", "memory"], ...] = PARTS
    """Operators, networks, peak memory of training steps (CPU)."""
    filter: str = ""
    """Part of a row's name, or a pattern such as 'deeplab*'."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """A few rows of a few rounds: does it run; not for conclusions."""
    budget: float | None = None
    """Minutes after which no further row is started."""
    rerun: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure rows that are on file once more."""
    torch: bool = True
    """Compare with PyTorch where it is installed."""
    torch_compile: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also with torch.compile (a CPU needs a C++ compiler)."""
    plain: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also our networks in their plain formulation, `BlockConfig(impl="lax")`."""
    threads: int = 0
    """Threads of PyTorch; 0: its own choice, the physical cores."""
    dtype: Literal["float32", "bfloat16"] | None = None
    """Default: float32 on a CPU, bfloat16 on a GPU."""


def main(argv: list[str]) -> int:
    """Measures what is not on file yet; then writes table and charts."""
    options = parsed(Options, argv, prog="jaxseg bench", bounds=BOUNDS)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch's share
    import jax

    jax.config.update("jax_platforms", "cpu" if options.device == "cpu" else "cuda,cpu")
    if options.device == "gpu" and jax.default_backend() != "gpu":
        raise ValueError("device 'gpu': jax sees none; install jaxseg[cuda13]")
    from jaxseg.bench import report as bench_report

    make_folder("output", options.output)
    path = options.output / "results.jsonl"
    run(options, path)
    records = bench_report.latest(read(path))
    bench_report.write(
        records, options.output, f"jaxseg bench {' '.join(argv)}".strip()
    )
    rows = counted(len(records), "row")
    print(as_message(f"{rows} in {options.output / 'table.md'}"))
    return 0


def run(options: Options, path: Path) -> None:
    """Appends a line per row that is not on file, clean."""
    from jaxseg.bench import rows as bench_rows
    from jaxseg.bench.clock import QUICK, Limits, Sentinel

    dtype = options.dtype or ("bfloat16" if options.device == "gpu" else "float32")
    plan = bench_rows.Plan(
        options.device,
        dtype,
        QUICK if options.quick else Limits(),
        _torch(options),
        options.plain,
    )
    chosen = list(
        bench_rows.rows(options.parts, options.filter, options.device, options.quick)
    )
    if not chosen:
        raise ValueError(f"no row matches {options.filter!r} in {options.parts}")
    done = set() if options.rerun else finished(read(path))
    start, sentinel = time.monotonic(), Sentinel()
    for row in chosen:
        if row.key(plan) in done:
            continue
        if options.budget and time.monotonic() - start > 60 * options.budget:
            print(f"jaxseg: budget of {options.budget} minutes spent", file=sys.stderr)
            break
        result = {**bench_rows.record(row, plan, sentinel), "quick": options.quick}
        append_line(path, result)
        print(line(result), flush=True)


def _torch(options: Options) -> dict[str, Any]:
    from jaxseg.bench.pytorch import Torch, installed

    if not options.torch or not installed("torch"):
        return {}
    threads = options.threads
    sides = {"torch": Torch(options.device, threads=threads)}
    if options.torch_compile:
        side = Torch(options.device, threads=threads, compiling=True)
        sides["torch.compile"] = side
    return sides


def read(path: Path) -> list[dict[str, Any]]:
    """The lines on file; those that hold no JSON object are left out."""
    if not path.exists():
        return []
    records = []
    for text in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, RecursionError):
            records.append(json.loads(text))
    return [record for record in records if isinstance(record, dict)]


def finished(records: list[dict[str, Any]]) -> set[str]:
    """Keys of rows measured in full and without disturbance."""
    return {r["key"] for r in records if not (r["contaminated"] or r["quick"])}


def line(result: dict[str, Any]) -> str:
    """One row in one line: times, ratio, and a mark when it was disturbed."""
    cells = [f"{result['name']}, {result['kind']}:"]
    if "peak_bytes" in result:
        peaks = result["peak_bytes"].items()
        cells += [f"{side} {value / 2**20:.0f} MiB" for side, value in peaks]
        return " ".join(cells)
    times = result["times"]
    cells += [f"{side} {t['median_ms']:.2f} ms" for side, t in times.items()]
    if "torch" in times:
        ratio = times["jaxseg"]["median_ms"] / times["torch"]["median_ms"]
        cells.append(f"ratio {ratio:.2f}")
    cells += ["(disturbed)"] if result["contaminated"] else []
    return " ".join(cells)
