"""Shows training progress as a bar on terminals and as plain lines elsewhere."""

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

from jaxseg.cli.verbosity import is_quiet
from jaxseg.training.run.task import Silent

UNITS = {  # factors that convert fields to the units that are shown
    "flops_per_second": 1e-12,
    "device_memory_peak": 2**-30,
    "host_memory_peak": 2**-30,
}


def reporter() -> Silent | Lines | Bar:
    """Returns the object that shows the progress of training in this process.

    The first process gets a `Bar` on a terminal and `Lines` elsewhere. All other
    processes get `Silent`, which shows nothing. With --quiet, all processes get it.
    """
    if jax.process_index() != 0 or is_quiet():
        return Silent()
    return Bar() if sys.stdout.isatty() else Lines()


def summary(values: Mapping[str, Any]) -> str:
    """Returns metrics as one line of text: `loss 0.4123  lr 0.00091  10.8 steps/s`.

    Args:
      values: The metrics by name. Names that this function does not know are left out.
    """
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
    """Returns a fraction such as 0.631 as the text `63.1 %`, and None as a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"


def field_line(values: Mapping[str, Any]) -> str:
    """Formats a measurement of the receptive field on one line.

    An example is `effective field 5.1 x 4.9 pixels (sigma)  grid energy 1.02 0.98 1.00
    measuring 0.21 s, 1.4 % of the time of the steps`.

    Args:
      values: A dictionary of the size of the receptive field in pixels, the strength of
        grid artifacts for several periods, and the time of the measurement. The module
        `jaxseg.lab.training_field` measures these values.
    """
    parts = []
    if values.get("sigma_rows") is not None:
        rows, columns = values["sigma_rows"], values["sigma_columns"]
        parts.append(f"effective field {rows:.1f} x {columns:.1f} pixels (sigma)")
    grids = [v for name, v in values.items() if name.startswith("grid_")]
    if grids and None not in grids:
        parts.append(f"grid energy {' '.join(f'{value:.2f}' for value in grids)}")
    spent = f"measuring {values['measuring_seconds']:.2f} s"
    if values.get("measuring_share") is not None:
        spent += f", {percent(values['measuring_share'])} of the time of the steps"
    return "  ".join([*parts, spent])


class Lines(Silent):
    """Prints training metrics as lines of text, with the estimated remaining time."""

    def started(self, step: int, steps: int) -> None:
        """Prints the number of the first step, and starts to measure the pace."""
        self._first, self._steps, self._clock = step, steps, time.monotonic()
        verb = "resuming at" if step else "starting at"
        print(f"{verb} step {step} of {steps}", flush=True)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Prints a line such as `step 20/100  loss ...  eta 0:01:02`."""
        pace = (time.monotonic() - self._clock) / max(step - self._first, 1)
        left = int(pace * (self._steps - step))
        eta = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        print(f"step {step}/{self._steps}  {summary(values)}  eta {eta}", flush=True)

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Prints a line such as `step 20  mIoU 41.0 %  pixel accuracy 80.2 %`."""
        print(
            f"step {step}  mIoU {percent(values['mean_iou'])}  "
            f"pixel accuracy {percent(values['pixel_accuracy'])}",
            flush=True,
        )

    def measured(self, step: int, values: Mapping[str, Any]) -> None:
        """Prints a line with the effective receptive field and the time it took."""
        print(f"step {step}  {field_line(values)}", flush=True)


class Bar(Silent):
    """Shows a progress bar with the latest training metrics and the latest mean IoU."""

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
        """Shows the progress bar for a run of `steps` steps that starts at `step`."""
        self._task = self._progress.add_task(
            "", total=steps, completed=step, line="compiling", miou="-"
        )

    def advanced(self, step: int) -> None:
        """Moves the progress bar to `step`."""
        self._progress.update(self._task, completed=step)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Shows new training metrics next to the bar."""
        self._progress.update(self._task, line=summary(values))

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Shows the mean IoU of an evaluation next to the bar."""
        self._progress.update(self._task, miou=percent(values["mean_iou"]))

    def measured(self, step: int, values: Mapping[str, Any]) -> None:
        """Prints a line above the bar with the effective receptive field."""
        self._progress.console.print(f"step {step}  {field_line(values)}")
