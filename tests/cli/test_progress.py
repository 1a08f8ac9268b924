"""What is shown while a run goes on."""

import io

from rich.console import Console

from jaxseg.cli import progress
from jaxseg.cli.progress import Bar, Lines, Silent

VALUES = {"loss": 0.41234, "learning_rate": 1e-3, "images_per_second": 12.34}


def drive(shown):
    with shown:
        shown.started(10, 30)
        shown.advanced(11)
        shown.logged(20, VALUES)
        shown.evaluated(20, {"mean_iou": 0.4104, "pixel_accuracy": None})


def test_lines_have_step_loss_rate_speed_and_time_left(capsys):
    drive(Lines())
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "resuming at step 10 of 30"
    assert second.startswith(
        "step 20/30  loss 0.4123  lr 0.001  12.3 images/s  eta 0:00"
    )
    assert third == "step 20  mIoU 41.0 %  pixel accuracy -"


def test_speed_utilization_and_memory_are_shown_in_readable_units():
    values = VALUES | {
        "steps_per_second": 1.5425,
        "flops_per_second": 4.56e13,
        "mfu": 0.2314,
        "input_wait": 0.02,
        "device_memory_peak": 3.25 * 2**30,
        "programs": 2,
    }
    assert progress.summary(values) == (
        "loss 0.4123  lr 0.001  1.54 steps/s  12.3 images/s  45.6 TFLOP/s  MFU 23.1%  "
        "input wait 2%  device 3.25 GiB"
    )
    assert progress.summary({"programs": 2, "compiled": ["x"]}) == "programs 2"


def test_the_bar_carries_the_same(monkeypatch):
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda: terminal)
    drive(Bar())
    for part in ("11/30", "loss 0.4123", "12.3 images/s", "mIoU 41.0 %", "eta"):
        assert part in text.getvalue()


def test_other_processes_are_silent(monkeypatch, capsys):
    monkeypatch.setattr(progress.jax, "process_index", lambda: 1)
    shown = progress.reporter()
    assert type(shown) is Silent
    drive(shown)
    assert capsys.readouterr().out == ""
