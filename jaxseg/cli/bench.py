"""Implements `jaxseg bench`, which compares the speed of jaxseg with that of PyTorch.

    jaxseg bench --output speed                    measures everything jaxseg bench
    --filter depthwise --parts ops    measures the depthwise operators jaxseg bench
    --quick                           measures a few rows, inaccurately jaxseg bench
    --device gpu --output speed_gpu   measures on a GPU, in bfloat16

A row of the benchmark is one operator or network with one input size. Its result is
appended to OUTPUT/results.jsonl as soon as it is measured. If other processes slowed a
measurement down, the row counts as disturbed. When the command runs again, it skips the
rows that have an undisturbed result, so it completes an interrupted benchmark.
OUTPUT/table.md and the charts show the last undisturbed result of each row, and mark
the rows that have only disturbed results.
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
class Arguments:
    """Compare the speed of operators and networks with PyTorch in one process."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench")
    """Directory for results.jsonl, table.md and the charts."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Device on which jaxseg and PyTorch are measured."""
    parts: tuple[Literal["ops", "models", "memory"], ...] = PARTS
    """ops measures operators, models measures networks, and memory measures the peak
    memory of training steps on a CPU."""
    filter: str = ""
    """Measure only rows whose name contains this text or matches this pattern, such as
    'deeplab*'."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure only a few rows, with few repetitions, to test the benchmark itself."""
    budget: float | None = None
    """Number of minutes after which no further row is started."""
    rerun: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also measure the rows that already have a result."""
    torch: bool = True
    """Compare with PyTorch if it is installed."""
    torch_compile: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also measure PyTorch with torch.compile, which needs a C++ compiler on a CPU."""
    plain: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also measure the networks of jaxseg with `BlockConfig(impl="lax")`."""
    threads: int = 0
    """Number of threads that PyTorch uses. 0 selects the default of PyTorch, which is
    the number of physical cores."""
    dtype: Literal["float32", "bfloat16"] | None = None
    """Data type of the computation. The default is float32 on a CPU and bfloat16 on a
    GPU."""


def main(argv: list[str]) -> int:
    """Measures the rows without an undisturbed result; writes the table and charts."""
    options = parsed(Arguments, argv, prog="jaxseg bench", bounds=BOUNDS)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch's share
    import jax

    jax.config.update("jax_platforms", "cpu" if options.device == "cpu" else "cuda,cpu")
    if options.device == "gpu" and jax.default_backend() != "gpu":
        raise ValueError(
            "device='gpu' is invalid: expected a GPU that JAX can use. Install "
            "jaxseg[cuda13], or choose --device cpu."
        )
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


def run(options: Arguments, path: Path) -> None:
    """Measures each row that has no undisturbed result yet.

    Args:
      options: The options of the command.
      path: The file to which each result is appended.
    """
    from jaxseg.bench import rows as bench_rows
    from jaxseg.bench.clock import QUICK, Limits, Sentinel

    dtype = options.dtype or ("bfloat16" if options.device == "gpu" else "float32")
    plan = bench_rows.BenchSettings(
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
        raise ValueError(
            f"filter={options.filter!r} is invalid: expected a part of the name of a "
            f"row in {', '.join(options.parts)}."
        )
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


def _torch(options: Arguments) -> dict[str, Any]:
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
    """Reads the results in a .jsonl file and skips lines that are not JSON objects."""
    if not path.exists():
        return []
    records = []
    for text in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, RecursionError):
            records.append(json.loads(text))
    return [record for record in records if isinstance(record, dict)]


def finished(records: list[dict[str, Any]]) -> set[str]:
    """Returns the keys of the rows that have an undisturbed result without --quick."""
    return {r["key"] for r in records if not (r["contaminated"] or r["quick"])}


def line(result: dict[str, Any]) -> str:
    """Formats a result as one line.

    The line has the median time of each library, the time of jaxseg divided by that of
    PyTorch, and the word "(disturbed)" if other processes slowed the measurement down.
    """
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
