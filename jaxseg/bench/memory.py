"""Measures the peak memory of a training step on the CPU.

Weights, momentum and images are not included. For jaxseg, the memory is the amount that
XLA plans for temporaries, and for outputs that do not reuse the memory of a donated
argument. For PyTorch, it is measured in a separate process: the highest resident set
size during a step minus the size before the step. An earlier step has already created
momentum and workspaces. Its gradients are deleted before the measurement, because
gradients are temporaries in XLA too. The environment variables `MALLOC_*` make the
allocator request and return each large block separately, so that the measurement also
sees memory that was freed earlier and is used again.

    python -m jaxseg.bench.memory NETWORK LIBRARY      LIBRARY: jaxseg or torch
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}


def compare(entry: Any, with_torch: bool) -> dict[str, Any]:
    """Measures the peak memory of one network in jaxseg and in PyTorch.

    Args:
      entry: The network.
      with_torch: Whether to measure PyTorch as well.

    Returns:
      A dictionary. Its entry "peak_bytes" contains the bytes of "jaxseg" and "torch".
      Its entry "notes" contains the reason for each library that was not measured. Its
      entry "contaminated" is always False.
    """
    sides = ["jaxseg"]
    facts: dict[str, Any] = {"peak_bytes": {}, "notes": {}, "contaminated": False}
    if entry.peer is not None and with_torch:
        sides.append("torch")
    else:
        facts["notes"]["torch"] = "no peer"
    for side in sides:
        command = [sys.executable, "-m", __name__, entry.name, side]
        environment = {**os.environ, **ALLOCATOR}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            reason = (done.stderr.strip() or "no message").splitlines()[-1]
            facts["notes"][side] = reason[:160]
        else:
            facts["peak_bytes"][side] = json.loads(done.stdout.splitlines()[-1])
    return facts


def planned(program: Any) -> int:
    """Returns the bytes that a compiled program needs in addition to its arguments."""
    plan = program.memory_analysis()
    new = plan.output_size_in_bytes - plan.alias_size_in_bytes
    return int(plan.temp_size_in_bytes + new)


def peak(run: Callable[[], None], clear: Callable[[], None] = lambda: None) -> int:
    """Returns the bytes by which the resident set size rises during `run()`.

    Args:
      run: Runs one step. It is called once before the measurement.
      clear: Deletes the arrays that a step keeps and the next step creates again, such
        as gradients, so that the measurement includes them.
    """
    run()
    clear()
    CLEAR.write_text("5")  # Resets the high-water mark to the present size.
    before = _kilobytes("VmRSS")
    run()
    return 1024 * (_kilobytes("VmHWM") - before)


def _kilobytes(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise ValueError(
        f"The peak memory cannot be measured, because {STATUS} does not contain "
        f"{field}. Run the benchmark on Linux."
    )


def main(name: str, side: str) -> None:
    """Prints the peak memory in bytes of a network in one library.

    Args:
      name: The name of the network.
      side: The library that runs the network, "jaxseg" or "torch".
    """
    from jaxseg.bench import runners as bench_models
    from jaxseg.bench.networks import NETWORKS
    from jaxseg.bench.pytorch import Torch

    entry = next(e for e in NETWORKS if e.name == name)
    kind = "train step"
    ask = (entry, kind, bench_models.KINDS[kind], entry.size)
    if side == "jaxseg":
        print(planned(bench_models.Ours(*ask, "float32", "auto").program))
    else:
        theirs = bench_models.Theirs(*ask, Torch("cpu"), "float32")
        print(peak(theirs.run, lambda: theirs.optimizer.zero_grad(set_to_none=True)))


if __name__ == "__main__":
    main(*sys.argv[1:])
