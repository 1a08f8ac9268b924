"""Implements `jaxseg bench`, which compares the speed of jaxseg with that of PyTorch.

    jaxseg bench --output speed                    measures everything
    jaxseg bench --filter depthwise --parts ops    measures the depthwise operators
    jaxseg bench --quick                           measures a few rows, inaccurately
    jaxseg bench --device gpu --output speed_gpu   measures on a GPU, in bfloat16

The benchmark is a table. A row measures one operator or network with one input size.
Its result is appended to OUTPUT/results.jsonl as soon as it is measured. If other
processes used the processor during a measurement, the result is marked as disturbed.
When the command runs again, it skips the rows that have an undisturbed result, so it
completes an interrupted benchmark. OUTPUT/table.md and the charts show the last
undisturbed result of each row, and mark the rows that have only disturbed results.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.verbosity import note
from jaxseg.runs.rules import number, optional, whole
from jaxseg.storage.places import make_folder
from jaxseg.text import counted

if TYPE_CHECKING:
    from jaxseg.bench.session import Session

PARTS = ("ops", "models", "memory")


BOUNDS = {
    "budget": optional(number(above=0)),
    "threads": whole(0, 4_096),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Compare the speed of operators and networks with PyTorch in one process."""

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("bench")
    """Directory for results.jsonl (one line per measurement), table.md and charts."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Device on which jaxseg and PyTorch are measured."""
    parts: tuple[Literal["ops", "models", "memory"], ...] = PARTS
    """'ops' measures operators, 'models' measures networks, and 'memory' measures the
    peak memory of training steps on a CPU."""
    filter: str = ""
    """Measure only the operators and networks whose name contains this text or matches
    this pattern, such as 'deeplab*'."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure only a few operators and networks, with few repetitions, to test the
    benchmark itself."""
    budget: float | None = None
    """Number of minutes after which no further measurement is started."""
    rerun: tyro.conf.FlagCreatePairsOff[bool] = False
    """Repeat the measurements that already have a result."""
    torch: bool = True
    """Compare with PyTorch if it is installed."""
    torch_compile: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also measure PyTorch with torch.compile, which needs a C++ compiler on a CPU."""
    plain: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also measure the networks of jaxseg with `BlockConfig(impl="lax")`, which
    computes all convolutions with the functions of jax.lax."""
    threads: int = 0
    """Number of threads that PyTorch uses. 0 selects the default of PyTorch, which is
    the number of physical cores."""
    dtype: Literal["float32", "bfloat16"] | None = None
    """Data type of the computation. The default is float32 on a CPU and bfloat16 on a
    GPU."""


def main(argv: list[str]) -> int:
    """Measures operators and networks, and writes the table and the charts.

    Operators and networks that already have a valid result are skipped. A result is not
    valid if other processes slowed the measurement down.
    """
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
    from jaxseg.bench.session import read

    make_folder("output", options.output)
    path = options.output / "results.jsonl"
    for result in session_of(options).measured(path):
        print(line(result), flush=True)
    records = bench_report.latest(read(path))
    bench_report.write(
        records, options.output, f"jaxseg bench {' '.join(argv)}".strip()
    )
    rows = counted(len(records), "row")
    note(f"{rows} in {options.output / 'table.md'}")
    return 0


def session_of(options: Arguments) -> Session:
    """Returns the `Session` that the options of the command select.

    It states what is measured, on which device and for how long.
    """
    from jaxseg.bench.session import Session, torch_contestants

    compared = options.torch and torch_contestants(
        options.device, threads=options.threads, compiled=options.torch_compile
    )
    return Session(
        options.device,
        options.dtype or ("bfloat16" if options.device == "gpu" else "float32"),
        options.parts,
        filter=options.filter,
        quick=options.quick,
        budget=options.budget,
        rerun=options.rerun,
        torch=compared or {},
        lax=options.plain,
    )


def line(result: dict[str, Any]) -> str:
    """Formats the result of one measurement as one line.

    The line has the median time of each library, the time of jaxseg divided by that of
    PyTorch, and the word "(disturbed)" if other processes slowed the measurement down.
    If memory was measured instead of time, it has the peak memory of each library.
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
