"""Collects what a run costs: parameters, operations, memory, time and utilization."""

from __future__ import annotations

import dataclasses
import statistics

import jax
import jax.numpy as jnp

from jaxseg.analysis.jaxpr.cost import count_cost_and_weights, count_parameters
from jaxseg.report.record import RunRecord
from jaxseg.runs.directory import build_model
from jaxseg.runs.outputs import num_logits
from jaxseg.training.run.goodput import read_goodput

MEMORY = (("device_memory_peak", "of a device"), ("host_memory_peak", "of the process"))
UNKNOWN_PEAK = "not known, because the peak of this device is not listed"
UNKNOWN_OPERATIONS = "not known, because the operations of a step were not counted"


@dataclasses.dataclass(frozen=True)
class Cost:
    """Contains the cost of a run. A value that is unknown is None.

    Attributes:
      parameters: The number of parameters.
      auxiliary: The number of parameters that only training uses.
      flops: The floating-point operations of the network for one image of `size`.
      size: The height and the width of that image, or None for point clouds.
      step_flops: The operations of one training step on all devices.
      memory: The largest number of bytes that the training has used.
      memory_of: Where this memory was measured: "of a device" or "of the process".
      seconds: The time of all training steps, without compilation, evaluation and
        saving.
      images_per_second: The training speed: the median over the lines of metrics.jsonl
        with training metrics.
      input_wait: The fraction of the training time that was spent waiting for batches:
        the mean over these lines.
      mfu: The model FLOPs utilization: the median over these lines.
      mfu_unknown: The reason why `mfu` is unknown although the speed is known, or "".
      programs: The number of training programs that were compiled.
      wall: The seconds from the start of the run to the last line of goodput.jsonl,
        including restarts.
      goodput: The fraction of `wall` that was spent on training steps whose result was
        not lost in a restart.
      processes: The number of processes, one more than the number of restarts.
    """

    parameters: int | None = None
    auxiliary: int = 0
    flops: int | None = None
    size: tuple[int, int] | None = None
    step_flops: float | None = None
    memory: float | None = None
    memory_of: str = ""
    seconds: float | None = None
    images_per_second: float | None = None
    input_wait: float | None = None
    mfu: float | None = None
    mfu_unknown: str = ""
    programs: int | None = None
    wall: float | None = None
    goodput: float | None = None
    processes: int | None = None


def cost_of(record: RunRecord) -> Cost:
    """Returns the cost of a run from its log files and from a trace of its network.

    Args:
      record: The run.
    """
    return dataclasses.replace(_network(record), **_logged(record))


def _network(record: RunRecord) -> Cost:
    """Traces the network on one image of the size of the training crops."""
    config, spec = record.config, record.spec
    model = build_model(config, num_logits(config, spec))

    def logits(key, *inputs):
        outputs, variables = model.init_with_output(key, *inputs, train=False)
        return outputs["logits"], variables

    key, size = jax.eval_shape(lambda: jax.random.key(0)), tuple(config.data.crop)
    if hasattr(model, "example_inputs"):
        inputs, size = model.example_inputs(), None
    else:
        inputs = (jax.ShapeDtypeStruct((1, *size, spec.channels), jnp.float32),)
    try:
        found, variables = count_cost_and_weights(logits, key, *inputs)
    except (TypeError, ValueError):  # The network takes other inputs than images.
        return Cost()
    params = variables["params"]
    extra = {name: value for name, value in params.items() if name.startswith("aux")}
    return Cost(
        parameters=count_parameters(params),
        auxiliary=count_parameters(extra),
        flops=found.flops,
        size=size,
    )


def _logged(record: RunRecord) -> dict:
    """Returns the values that metrics.jsonl contains."""

    def values(name: str) -> list[float]:
        return [value for _, value in record.series(name)]

    found: dict = {}
    pace = values("steps_per_second")
    flops = values("flops_per_second")
    if pace:
        found["seconds"] = _seconds(record)
        found["images_per_second"] = statistics.median(values("images_per_second"))
        found["input_wait"] = statistics.fmean(values("input_wait"))
    if pace and len(flops) == len(pace):
        found["step_flops"] = flops[-1] / pace[-1]
    if mfu := values("mfu"):
        found["mfu"] = statistics.median(mfu)
    elif pace:
        found["mfu_unknown"] = UNKNOWN_PEAK if flops else UNKNOWN_OPERATIONS
    if programs := values("programs"):
        found["programs"] = int(max(programs))
    spent = read_goodput(record.workdir)
    if spent is not None:
        found |= {"wall": spent.total, "goodput": spent.share}
        found["processes"] = spent.processes
    for name, owner in MEMORY:
        if "memory" not in found and (peaks := values(name)):
            found |= {"memory": max(peaks), "memory_of": owner}
    return found


def _seconds(record: RunRecord) -> float:
    """Returns the time of all steps, from the number and the speed of each window."""
    seconds, last = 0.0, 0
    for row in record.logged:
        if row.get("steps_per_second"):
            seconds += (row["step"] - last) / row["steps_per_second"]
        last = row["step"]
    return seconds
