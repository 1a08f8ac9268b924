"""Progress on a terminal (rich) or as plain lines; only the first process shows any."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import jax
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.table import Column

from jaxseg.training.run.task import Silent

UNITS = {  # of a line's fields as they are shown
    "flops_per_second": 1e-12,
    "device_memory_peak": 2**-30,
    "host_memory_peak": 2**-30,
}


def reporter() -> Silent | Lines | Bar:
    """The kind that suits this process and its standard output."""
    if jax.process_index() != 0:
        return Silent()
    return Bar() if sys.stdout.isatty() else Lines()


def summary(values: Mapping[str, Any]) -> str:
    """`loss 0.4123  lr 0.00091  10.8 steps/s  86.2 images/s`, what there is of it."""
    forms = {
        "loss": "loss {:.4f}",
        "learning_rate": "lr {:.3g}",
        "steps_per_second": "{:.3g} steps/s",
        "images_per_second": "{:.1f} images/s",
        "flops_per_second": "{:.3g} TFLOP/s",
        "mfu": "MFU {:.1%}",
        "input_wait": "input wait {:.0%}",
        "device_memory_peak": "device {:.2f} GiB",
        "host_memory_peak": "host {:.2f} GiB",
    }
    parts = [
        form.format(values[name] * UNITS.get(name, 1))
        for name, form in forms.items()
        if name in values
    ]
    if "compiled" in values:
        parts.append(f"programs {values['programs']}")
    return "  ".join(parts)


def percent(value: float | None) -> str:
    """A share as `63.1 %`; a dash when it is not defined."""
    return "-" if value is None else f"{100 * value:.1f} %"


class Lines(Silent):
    """One line per record, with the time that is left."""

    def started(self, step: int, steps: int) -> None:
        """Notes where the clock starts."""
        self._first, self._steps, self._clock = step, steps, time.monotonic()
        verb = "resuming at" if step else "starting at"
        print(f"{verb} step {step} of {steps}", flush=True)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """`step 20/100  loss ...  eta 0:01:02`."""
        pace = (time.monotonic() - self._clock) / max(step - self._first, 1)
        left = int(pace * (self._steps - step))
        eta = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        print(f"step {step}/{self._steps}  {summary(values)}  eta {eta}", flush=True)

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """`step 20  mIoU 41.0 %  pixel accuracy 80.2 %`."""
        print(
            f"step {step}  mIoU {percent(values['mean_iou'])}  "
            f"pixel accuracy {percent(values['pixel_accuracy'])}",
            flush=True,
        )


class Bar(Silent):
    """A progress bar that carries the last line and the last mean IoU."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(12),
            MofNCompleteColumn(),
            TextColumn("eta"),
            Remaining(table_column=Column(min_width=7, no_wrap=True)),
            TextColumn("{task.fields[line]}  mIoU {task.fields[miou]}"),
            console=Console(),
        )

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, step: int, steps: int) -> None:
        """Opens the bar at `step`."""
        self._task = self._progress.add_task(
            "", total=steps, completed=step, line="compiling", miou="-"
        )

    def advanced(self, step: int) -> None:
        """Moves the bar."""
        self._progress.update(self._task, completed=step)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Replaces the line beside the bar."""
        self._progress.update(self._task, line=summary(values))

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Replaces the mean IoU beside the bar."""
        self._progress.update(self._task, miou=percent(values["mean_iou"]))
