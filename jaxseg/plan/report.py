"""Reports the memory and time of a compiled training step, as a dictionary and text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxseg.analysis.hlo.collective import Collective, collectives, totals
from jaxseg.analysis.hlo.roofline import (
    GIB,
    UTILIZATION,
    Load,
    exchanged,
    intensity,
    times,
)
from jaxseg.analysis.hlo.traffic import memory_traffic
from jaxseg.plan.program import Program, ProgramMemory
from jaxseg.plan.topology import Slice

# An activation with this many elements counts as a feature map when it is gathered.
MAP = 2**16


def figures(program: Program, target: Slice, flops: float) -> dict[str, Any]:
    """Collects the memory use, memory traffic and times of a compiled step in a dict.

    The values are those of one device and have types that JSON can store.

    Args:
      program: The compiled step.
      target: The devices that it was compiled for.
      flops: The arithmetic operations for the batch on all devices, as
        `jaxseg.plan.compile.step_flops` returns them.
    """
    devices = len(target.devices)
    usable = target.chip.usable if target.chip else None
    facts = {
        "batch": program.batch,
        "batch_per_device": program.batch / devices,
        "compile_seconds": round(program.seconds, 1),
        "parts": dict(program.parts),
        "usable": usable,
        "needs": program.needs(),
        "fits": fits(program, target),
        "flops": flops / devices,
    }
    if program.memory is None:
        return facts | {"refusal": program.refusal}
    found = collectives(program.text)
    sent, exchanges = exchanged(found, devices)
    traffic = memory_traffic(program.text)
    load = Load(
        flops / devices,
        traffic=traffic,
        sent=sent,
        exchanges=exchanges,
        diameter=target.diameter,
    )
    facts |= {
        "memory": dataclasses.asdict(program.memory),
        "dominant": dominant(program.memory, program.parts),
        "loops": program.text.count(" while("),
        "rematerialized": len(re.findall(r"\.remat\d* = ", program.text)),
        "xla_flops": program.flops,
        "traffic": traffic,
        "xla_accessed": program.accessed,
        "intensity": intensity(load),
        "collectives": {
            kind: {"count": count, "bytes": size}
            for kind, (count, size) in sorted(totals(found).items())
        },
        "sent": sent,
        "gathered_maps": gathered_maps(found),
    }
    if target.chip:
        limits = times(load, target.chip)
        facts["seconds"] = dataclasses.asdict(limits) | {"bound": limits.bound}
        facts["balance"] = target.chip.peak / target.chip.bandwidth
    return facts


def fits(program: Program, target: Slice) -> bool | None:
    """Returns whether a compiled step fits into the memory of one device.

    The result is None if the size of that memory is unknown.
    """
    if program.memory is None:
        return False
    return program.needs() <= target.chip.usable if target.chip else None


def dominant(memory: ProgramMemory, parts: Mapping[str, int]) -> str:
    """Names what takes the most memory in a training step.

    Args:
      memory: The memory of the step.
      parts: A dictionary from each part of the step's arguments, such as "params", to
        its size in bytes.

    Returns:
      The name of the largest part of the arguments, or a phrase about the temporaries
      if they are larger.
    """
    largest = max(parts, key=lambda name: parts[name])
    if memory.temporaries >= parts[largest]:
        return "temporaries (activations kept for the backward pass, and gradients)"
    return largest


def gathered_maps(found: Sequence[Collective]) -> list[str]:
    """Lists the feature maps [B, H, W, C] that the program copies to every device.

    Such a map was divided among the devices and should have remained divided. The list
    contains the results of all-gather operations with at least `MAP` elements.

    Args:
      found: The operations of the program that exchange data between devices.

    Returns:
      For each map, a text with its type, shape and JAX operation.
    """
    return [
        f"{one.shapes[0].dtype}{list(shape.dims)} from {one.source}"
        for one in found
        for shape in one.shapes
        if one.kind == "all-gather" and len(shape.dims) == 4 and shape.elements >= MAP
    ]


def text(facts: Mapping[str, Any], title: str) -> str:
    """Formats the memory and time of a compiled step as lines of text.

    Args:
      facts: The memory and the times of the step, in the dictionary that `figures`
        returns.
      title: The first line.
    """
    lines = [title, "", *_memory_lines(facts)]
    if "memory" in facts:
        lines += ["", *_work_lines(facts), "", *_exchange_lines(facts)]
    if "seconds" in facts:
        lines += ["", *_time_lines(facts)]
    return "\n".join(lines)


def _memory_lines(facts) -> list[str]:
    parts = ", ".join(f"{k} {size(v)}" for k, v in facts["parts"].items())
    if "refusal" in facts:
        return [
            "memory per device: DOES NOT FIT",
            f"  {facts['refusal']}",
            f"  {parts}",
        ]
    memory = facts["memory"]
    lines = [
        "memory per device",
        f"  arguments    {size(memory['arguments']):>10}   {parts}",
        f"  temporaries  {size(memory['temporaries']):>10}",
        f"  output       {size(memory['output']):>10}   "
        f"of which {size(memory['alias'])} reuse the arguments' memory",
        f"  program      {size(memory['code']):>10}",
    ]
    total = f"  together     {size(facts['needs']):>10}"
    if facts["usable"]:
        share = facts["needs"] / facts["usable"]
        word = "FITS" if facts["fits"] else "DOES NOT FIT"
        total += f"   of {size(facts['usable'])} usable: {word}, {share:.0%}"
    lines += [total, f"  most of it   {facts['dominant']}"]
    if facts["rematerialized"]:
        lines.append(
            f"  the compiler computes {facts['rematerialized']} operations twice to fit"
        )
    return lines


def _work_lines(facts) -> list[str]:
    per_byte = f"{facts['intensity']:.0f} operations per byte"
    balance = facts.get("balance")
    if balance:
        word = "above" if facts["intensity"] > balance else "below"
        per_byte += f", {word} the chip's balance of {balance:.0f}"
    return [
        "arithmetic per device and step",
        f"  network      {operations(facts['flops'])}   (XLA counts "
        f"{operations(facts['xla_flops'])} in the program)",
        f"  traffic      {size(facts['traffic'])} to and from memory   (XLA counts "
        f"{size(facts['xla_accessed'])} with its caches)",
        f"  intensity    {per_byte}",
    ]


def _exchange_lines(facts) -> list[str]:
    if not facts["collectives"]:
        return ["exchanges between devices: none"]
    lines = ["exchanges between devices"]
    for kind, of in facts["collectives"].items():
        lines.append(f"  {kind:19} {of['count']:>5}  {size(of['bytes']):>10}")
    lines.append(f"  sent by each device in rings: {size(facts['sent'])}")
    lines += [f"  gathers a feature map: {one}" for one in facts["gathered_maps"]]
    if facts["loops"]:
        lines.append(
            f"  the body of each of {facts['loops']} loops is counted only once"
        )
    return lines


def _time_lines(facts) -> list[str]:
    seconds, batch = facts["seconds"], facts["batch"]
    low, high = UTILIZATION
    rates = sorted(batch / seconds[name] for name in ("slow", "fast"))
    return [
        "time per step",
        f"  compute bound  {milliseconds(seconds['compute'])}  at 100 % of the peak",
        f"  memory bound   {milliseconds(seconds['memory'])}",
        f"  links bound    {milliseconds(seconds['links'])}",
        f"  expected       {milliseconds(seconds['fast'])} to "
        f"{milliseconds(seconds['slow'])}  at {low:.0%} to {high:.0%} of the peak, "
        f"where no other bound is tighter; {rates[0]:,.0f} to {rates[1]:,.0f} images/s",
    ]


def comparison(base: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats a table that compares a configuration with changed versions of it.

    Args:
      base: The memory and the times of the step of the configuration, in the dictionary
        that `figures` returns.
      rows: A dictionary from the name of each changed version to the result of
        `figures` for this version.
    """
    lines = [
        f"{'alternative':28} {'needs':>10} {'temporaries':>12} {'traffic':>10} "
        f"{'exchanges':>9} {'sent':>10}   expected step"
    ]
    for name, facts in {"as configured": base, **rows}.items():
        if "memory" not in facts:
            why = facts.get("error") or f"does not fit, needs {size(facts['needs'])}"
            lines.append(f"{name:28} {why}")
            continue
        count = sum(of["count"] for of in facts["collectives"].values())
        line = (
            f"{name:28} {size(facts['needs']):>10} "
            f"{size(facts['memory']['temporaries']):>12} {size(facts['traffic']):>10} "
            f"{count:>9} {size(facts['sent']):>10}"
        )
        if "seconds" in facts:
            seconds = facts["seconds"]
            line += f"   {milliseconds(seconds['fast'])} to "
            line += milliseconds(seconds["slow"])
        lines.append(line)
    return "\n".join(lines)


def size(count: float) -> str:
    """Formats a number of bytes with a unit.

    >>> size(3 * 2**30), size(1536), size(12)
    ('3.00 GiB', '1.5 KiB', '12 B')
    """
    for unit, scale, digits in (("GiB", GIB, 2), ("MiB", 2**20, 1), ("KiB", 2**10, 1)):
        if count >= scale:
            return f"{count / scale:.{digits}f} {unit}"
    return f"{count:.0f} B"


def operations(count: float) -> str:
    """Formats a number of floating-point operations with a unit.

    >>> operations(4.4449e12), operations(6.6e9)
    ('4.445 TFLOP', '6.600 GFLOP')
    """
    if count >= 1e12:
        return f"{count / 1e12:.3f} TFLOP"
    return f"{count / 1e9:.3f} GFLOP"


def milliseconds(seconds: float) -> str:
    """Formats a time, given in seconds, as a number of milliseconds with the unit.

    >>> milliseconds(0.01234)
    '12.3 ms'
    """
    return f"{1e3 * seconds:.1f} ms"
