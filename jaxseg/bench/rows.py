"""Measures one row of the table of `jaxseg bench`.

A row compares an operator or a network in JAX and in PyTorch.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jaxseg.bench import memory as bench_memory
from jaxseg.bench import operators as bench_ops
from jaxseg.bench import runners as bench_models
from jaxseg.bench.cases import CASES, Case
from jaxseg.bench.clock import Limits, Sentinel, measure
from jaxseg.bench.networks import GPU_ONLY, NETWORKS, QUICK, Entry
from jaxseg.bench.pytorch import Torch, installed, versions
from jaxseg.runs.provenance import commit
from jaxseg.text import fits

OPERATOR_KINDS = ("forward", "forward + backward")
MEMORY = "peak memory"
Built = tuple[dict[str, Callable[[], None]], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class BenchSettings:
    """Contains the settings of a benchmark.

    Attributes:
      device: "cpu" or "gpu".
      dtype: "float32" or "bfloat16".
      limits: The limits on the time of each row of the table.
      torch: The settings of PyTorch for each way to run it, "torch" or "torch.compile".
        It may be empty.
      lax: Whether jaxseg with `BlockConfig(impl="lax")` is timed as well.
    """

    device: str
    dtype: str
    limits: Limits
    torch: dict[str, Torch]
    lax: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """Describes a row of the benchmark's table: an operator or network to be timed.

    Attributes:
      part: "ops" for the time of an operator, "models" for that of a network, or
        "memory" for the peak memory of a network's training step.
      subject: The operator or the network.
      kind: What is measured, such as "forward b1" or "train step".
    """

    part: str
    subject: Case | Entry
    kind: str

    @property
    def name(self) -> str:
        return self.subject.name

    def key(self, settings: BenchSettings) -> str:
        """Returns the text that identifies the results of this row in the results file.

        The text names the row, the device and the floating-point type.
        """
        return "|".join(
            (self.part, self.name, self.kind, settings.device, settings.dtype)
        )


def rows(parts: tuple[str, ...], only: str, device: str, quick: bool) -> Iterator[Row]:
    """Yields the rows of the benchmark's table: operators and networks to be timed.

    Args:
      parts: What to time or measure: "ops" for operators, "models" for networks,
        "memory" for the peak memory of networks.
      only: A substring of the names to include, or a pattern with wildcards.
      device: "cpu" or "gpu".
      quick: Whether to include only the rows of the option `--quick`.
    """
    if "ops" in parts:
        for case in CASES:
            for kind in OPERATOR_KINDS[: 2 if case.differentiable else 1]:
                if fits(case.name, only) and (case.quick or not quick):
                    yield Row("ops", case, kind)
    networks = NETWORKS + (GPU_ONLY if device == "gpu" else ())
    chosen = [e for e in networks if e.name in QUICK] if quick else networks
    for entry in chosen:
        if not fits(entry.name, only):
            continue
        if "models" in parts:
            for kind in bench_models.KINDS:
                yield Row("models", entry, kind)
        if "memory" in parts and device == "cpu":
            yield Row("memory", entry, MEMORY)


def record(row: Row, settings: BenchSettings, sentinel: Sentinel) -> dict[str, Any]:
    """Measures one row of the benchmark's table, that is, an operator or a network.

    Returns:
      A dictionary of JSON values with the times or the memory of each program. If the
      program of jaxseg or PyTorch fails, "notes" contains the reason.
    """
    common = {
        "key": row.key(settings),
        "part": row.part,
        "name": row.name,
        "kind": row.kind,
        "device": jax.devices()[0].device_kind if settings.device == "gpu" else "cpu",
        "dtype": settings.dtype,
        "versions": versions(),
        "commit": commit(short=True),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if row.part == "memory":
        return {**common, **bench_memory.compare(row.subject, bool(settings.torch))}
    build = _operator if row.part == "ops" else _network
    contestants, facts = build(row, settings)
    measured = measure(contestants, settings.limits, sentinel)
    return {
        **common,
        **facts,
        "times": measured.summary(),
        "others": measured.others,
        "sentinel": measured.sentinel,
        "contaminated": measured.contaminated,
    }


def _operator(row: Row, settings: BenchSettings) -> Built:
    backward = row.kind != OPERATOR_KINDS[0]
    ours = bench_ops.Ours(row.subject, backward, settings.dtype)
    facts = {
        "compile_seconds": ours.compile_seconds,
        "temp_bytes": ours.temp_bytes,
        "notes": {},
    }
    contestants = {"jaxseg": ours.run}
    for name, side in settings.torch.items():
        make = lambda s=side: bench_ops.Theirs(
            row.subject, backward=backward, side=s, dtype=settings.dtype
        )
        theirs = _try(name, make, facts)
        if theirs is not None:
            contestants[name] = theirs.run
            if name == "torch":
                facts["difference"] = _difference(ours.value(), theirs.value())
    return contestants, facts


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Returns the largest difference of the outputs, relative to the largest output."""
    # The small number avoids a division by 0 if the other result is 0.
    return float(np.abs(ours - theirs).max() / max(1e-30, np.abs(theirs).max()))


def _network(row: Row, settings: BenchSettings) -> Built:
    entry, gpu = row.subject, settings.device == "gpu"
    batch = bench_models.KINDS[row.kind]
    if gpu and row.kind == "train step":
        batch = entry.gpu_batch
    size = entry.gpu_size if gpu else entry.size
    ask = (entry, row.kind, batch, size)
    ours = bench_models.Ours(*ask, settings.dtype, "auto")
    facts = {
        "batch": batch,
        "size": size,
        "parameters": {"jaxseg": ours.parameters},
        "compile_seconds": ours.compile_seconds,
        "temp_bytes": ours.temp_bytes,
        "notes": {},
    }
    contestants = {"jaxseg": ours.run}
    if settings.lax:
        contestants["lax"] = bench_models.Ours(*ask, settings.dtype, "lax").run
    for name, side in _peers(entry, settings, facts).items():
        theirs = _try(
            name, lambda s=side: bench_models.Theirs(*ask, s, settings.dtype), facts
        )
        if theirs is not None:
            contestants[name] = theirs.run
            facts["parameters"][name] = theirs.parameters
    return contestants, facts


def _peers(entry: Entry, settings: BenchSettings, facts: dict) -> dict[str, Torch]:
    if entry.peer is None or not installed(entry.library):
        facts["notes"]["torch"] = "no peer"
        return {}
    return settings.torch


def _try(name: str, make: Callable[[], Any], facts: dict) -> Any:
    """Builds and warms up one side; returns None and adds a note if it fails."""
    try:
        side = make()
        side.run()
    except Exception as error:  # Foreign libraries and compilers may raise anything.
        first = (str(error) or "no message").splitlines()[0][:160]
        facts["notes"][name] = f"{type(error).__name__}: {first}"
        return None
    return side
