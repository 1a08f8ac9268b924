"""Prints a decision about the options of a training step as a table."""

from __future__ import annotations

from collections.abc import Iterator

from jaxseg.plan.decide import MARGIN, Alternative, Decision
from jaxseg.plan.report import milliseconds, size
from jaxseg.plan.setting import Freedom, Setting

MOST_ROWS = 30  # Slower settings are only counted, so that the table stays short.
HEADER = (
    f"{'batch':>6} {'micro-batches':>13} {'remat':>6} {'state':>6} {'image':>7} "
    f"{'dtype':>9}   result"
)


def decision_text(decision: Decision, devices: int) -> str:
    """Formats a decision as lines of text.

    Args:
      decision: The decision.
      devices: The number of devices.
    """
    lines = [
        f"{size(decision.memory)} of memory on each of {devices} devices, of which "
        f"{MARGIN:.0%} stay free: a step may need {size(decision.room)}",
        *_freedom_lines(decision.freedom),
        "",
        HEADER,
        *_rows(decision),
        "",
        outcome(decision),
    ]
    return "\n".join(lines)


def outcome(decision: Decision) -> str:
    """Returns a sentence that states the chosen setting, or that none fits."""
    if decision.chosen is None or decision.promise is None:
        least = min(decision.alternatives, key=lambda row: row.needs)
        return (
            f"No setting fits into {size(decision.room)}. The smallest one needs "
            f"{_amount(least)}: {in_words(least.setting)}."
        )
    return (
        f"Chosen: {in_words(decision.chosen)}. The compiled step needs "
        f"{size(decision.promise)} of {size(decision.memory)}."
    )


def in_words(setting: Setting) -> str:
    """Describes a setting, such as "batch 8, remat block, state in shards"."""
    words = [f"batch {setting.batch_size}"]
    if setting.grad_accum_steps > 1:
        words.append(f"{setting.grad_accum_steps} micro-batches")
    words.append(f"remat {setting.remat}")
    words.append(f"state {'in shards' if setting.shard == 'fsdp' else 'whole'}")
    if setting.spatial_shards not in (1, (1, 1)):
        words.append(f"images over {_shared(setting)} devices")
    return ", ".join([*words, setting.dtype])


def _freedom_lines(freedom: Freedom) -> Iterator[str]:
    """Yields sentences that state what the search may change."""
    exact = "rematerialization, sharding of the state and of the images"
    if freedom.accumulation:
        exact += ", number of micro-batches"
    yield f"searched: {exact}"
    kept = [
        name
        for name, is_free in (
            ("accumulation", freedom.accumulation),
            ("dtype", freedom.dtype),
            ("batch", freedom.batch),
        )
        if not is_free
    ]
    if kept:
        yield (
            f"kept, because it changes the result: {', '.join(kept)} "
            f"(--train.memory-changes {' '.join(kept)} allows changes)"
        )
    if freedom.batch:
        yield (
            "another batch changes the result: set optim.base_batch_size, so that the "
            "learning rate follows the batch"
        )


def _rows(decision: Decision) -> Iterator[str]:
    rows = decision.alternatives
    shown = [row for k, row in enumerate(rows) if k < MOST_ROWS or row.is_compiled]
    for row in shown:
        yield f"{_cells(row.setting)}   {_result(row, decision)}"
    if len(shown) < len(rows):
        yield f"... and {len(rows) - len(shown)} slower settings"
    for setting, message in decision.refused:
        yield f"{_cells(setting)}   not possible: {message}"


def _cells(setting: Setting) -> str:
    return (
        f"{setting.batch_size:>6} {setting.grad_accum_steps:>13} {setting.remat:>6} "
        f"{'shards' if setting.shard == 'fsdp' else 'whole':>6} "
        f"{_shared(setting):>7} {setting.dtype:>9}"
    )


def _result(row: Alternative, decision: Decision) -> str:
    """Returns the verdict about a setting with its figures."""
    if row.verdict == "too large":
        return f"does not fit: needs {_amount(row)} of {size(decision.room)}"
    step = f"estimated step {milliseconds(row.seconds)}, needs {_amount(row)}"
    return f"{row.verdict}: {step}"


def _amount(row: Alternative) -> str:
    return f"{size(row.needs)} ({'compiled' if row.is_compiled else 'estimated'})"


def _shared(setting: Setting) -> str:
    """Returns the number of devices that share an image, such as "2" or "2x4"."""
    shards = setting.spatial_shards
    return "x".join(map(str, shards)) if isinstance(shards, tuple) else str(shards)
