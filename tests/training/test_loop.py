"""The loop's order, its exact restarts, and how it ends when something goes wrong.

The network here is a vector and the devices are numpy, so that the loop itself is
tested; the real steps run in tests/cli.
"""

import dataclasses
import json
import os
import signal
import types

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxseg.checkpoints.manager import CheckpointError, Checkpoints
from jaxseg.config import Config, LabConfig, TrainConfig
from jaxseg.training.run.field_watch import FieldReading
from jaxseg.training.run.loop import train
from jaxseg.training.run.meter import CLOCKS
from jaxseg.training.run.metric_reader import read_metrics
from jaxseg.training.run.preemption import Stopped, StopRequests
from jaxseg.training.run.task import NonFiniteLoss, Task

IMAGES = 6


def state():
    return {"w": np.arange(4, dtype=np.float32), "step": np.zeros((), np.int32)}


class Arithmetic:
    """A runner whose update depends on state, step and batch in an inexact way."""

    def __init__(self, *, at=None, act=None):
        self.at, self.act, self.calls = at, act, []
        self.programs = []

    def place(self, placed):
        return placed

    variables = place

    def train(self, state, batch):
        step = int(state["step"])
        self.calls.append(("step", step))
        if (shape := f"train_step: {batch['image'].shape}") not in self.programs:
            self.programs.append(shape)
        if step == self.at:
            self.act()
        w = np.sin(state["w"] * np.float32(1.1) + batch["image"].mean(dtype=np.float32))
        loss = (
            float("nan")
            if step == self.at and self.act is nan_on_invalid_label
            else w.sum()
        )
        new = {"w": w, "step": np.array(step + 1, np.int32)}
        return new, {
            "loss": np.float32(loss),
            "learning_rate": np.float32(0.1 / (step + 1)),
        }

    def count(self, variables, batch):
        self.calls.append(("count", int(variables["step"])))
        right = 1 + int(abs(variables["w"].sum()) * 100)
        return np.array([[right, 5], [3, right], [0, 1]], np.int32)


def nan_on_invalid_label():
    """Makes the loss of that step NaN."""


class Quiet:
    def started(self, step, steps):
        self.first = step

    def advanced(self, step):
        pass

    logged = evaluated = measured = lambda self, step, values: None


def batches(start):
    position = start
    while True:
        index = (np.arange(2, dtype=np.int32) + 2 * position) % IMAGES
        image = np.random.default_rng(position).integers(0, 9, (2, 4, 4, 3), np.uint8)
        yield {"image": image, "index": index}
        position += 1


def validation():
    for _ in range(2):
        yield {
            "image": np.zeros((1, 4, 4, 3), np.uint8),
            "index": np.zeros(1, np.int32),
        }


TASK = Task(
    classes=("a", "b"),
    ids=tuple(f"file{i}.png" for i in range(IMAGES)),
    eval_ids=("val.png",),
    train_batches=batches,
    eval_batches=validation,
)
SHORT = {"steps": 12, "batch_size": 2, "log_every": 5, "eval_every": 4, "save_every": 3}


def go(workdir, runner=None, task=TASK, measure_every=0, **changes):
    config = Config(
        train=TrainConfig(**SHORT | changes), lab=LabConfig(every=measure_every)
    )
    return train(
        config,
        workdir,
        task,
        runner=runner or Arithmetic(),
        state=state(),
        reporter=Quiet(),
    )


def rows(workdir):
    return [
        {key: value for key, value in row.items() if key not in CLOCKS}
        for row in read_metrics(workdir)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The result of a run that nothing happened to, and its record."""
    workdir = tmp_path_factory.mktemp("whole")
    result = go(workdir)
    return types.SimpleNamespace(
        state=result.state, scores=result.scores, best=result.best, rows=rows(workdir)
    )


def test_each_step_is_evaluated_saved_and_logged_when_due(tmp_path):
    runner = Arithmetic()
    result = go(tmp_path, runner)
    steps = [(row["kind"], row["step"]) for row in read_metrics(tmp_path)]
    assert steps == [
        ("eval", 4), ("train", 5), ("eval", 8), ("train", 10), ("train", 12), ("eval", 12)
    ]  # fmt: skip
    assert runner.calls.index(("count", 4)) < runner.calls.index(("step", 4))
    assert runner.calls[-1] == ("count", 12)
    best = max(read_metrics(tmp_path, "eval"), key=lambda row: row["mean_iou"])
    assert result.best == best["step"]
    assert result.scores["mean_iou"] == read_metrics(tmp_path)[-1]["mean_iou"]


def test_a_log_line_is_the_mean_of_its_window(tmp_path):
    go(tmp_path)
    losses, current = [], state()
    for _, batch in zip(range(5), batches(0), strict=False):
        current, metrics = Arithmetic().train(current, batch)
        losses.append(float(metrics["loss"]))
    line = read_metrics(tmp_path, "train")[0]
    assert line["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    assert line["learning_rate"] == pytest.approx(0.02)
    assert 0 <= line["input_wait"] <= 1 and line["images_per_second"] > 0


def test_speeds_operations_and_memory_are_in_every_line(tmp_path):
    asked = []

    def flops(state, batch):
        asked.append(int(state["step"]))
        return 1000

    task = dataclasses.replace(TASK, flops=flops, peak=1e15)
    go(tmp_path, task=task, runner=Arithmetic())
    assert asked == [0]
    lines = read_metrics(tmp_path, "train")
    for line in lines:
        pace = line["steps_per_second"]
        assert line["images_per_second"] == pytest.approx(2 * pace)
        assert line["flops_per_second"] == pytest.approx(1000 * pace)
        assert line["mfu"] == pytest.approx(1e-12 * pace)
        assert line["host_memory_peak"] > 50e6 and line["programs"] == 1
    assert lines[0]["compiled"] == ["train_step: (2, 4, 4, 3)"]
    assert not any("compiled" in line for line in lines[1:])


def test_a_recompilation_in_mid_run_is_one_warning_with_the_shapes(tmp_path, caplog):
    def odd(start):
        for position, batch in enumerate(batches(start), start):
            if position == 6:
                batch["image"] = batch["image"][:, :3]
            yield batch

    go(tmp_path, task=dataclasses.replace(TASK, train_batches=odd))
    (record,) = [r for r in caplog.records if r.name == "jaxseg.training.run.loop"]
    assert record.getMessage().startswith(
        "Step 7 compiled a new program: train_step: (2, 3, 4, 3). Batches of one"
    )
    lines = read_metrics(tmp_path, "train")
    assert [line["programs"] for line in lines] == [1, 2, 2]
    assert lines[1]["compiled"] == ["train_step: (2, 3, 4, 3)"]


def kill():
    raise RuntimeError("power cut")


@pytest.mark.parametrize("at", [0, 2, 3, 4, 11])
def test_a_crash_at_any_step_changes_nothing(tmp_path, at, whole):
    with pytest.raises(RuntimeError, match="power cut"):
        go(tmp_path / "cut", Arithmetic(at=at, act=kill))
    again = go(tmp_path / "cut")
    assert again.state["w"].tobytes() == whole.state["w"].tobytes()
    assert rows(tmp_path / "cut") == whole.rows
    assert (again.best, again.scores) == (whole.best, whole.scores)


@pytest.mark.parametrize(
    ("at", "number"),
    [
        (0, signal.SIGTERM),
        (3, signal.SIGTERM),
        (7, signal.SIGTERM),
        (3, signal.SIGINT),
        (3, signal.SIGHUP),
    ],
)
def test_a_signal_saves_the_very_step_and_the_run_goes_on_exactly(
    tmp_path, at, number, whole
):
    runner = Arithmetic(at=at, act=lambda: os.kill(os.getpid(), number))
    with pytest.raises(Stopped) as stopped:
        go(tmp_path / "cut", runner)
    assert stopped.value.exit_status == 128 + number
    assert stopped.value.step == at + 1
    rest = Arithmetic()
    again = go(tmp_path / "cut", rest)
    steps = [step for kind, step in rest.calls if kind == "step"]
    assert steps == list(range(at + 1, 12))
    assert again.state["w"].tobytes() == whole.state["w"].tobytes()
    assert rows(tmp_path / "cut") == whole.rows
    assert again.best == whole.best


def test_a_signal_during_evaluation_is_obeyed_at_once_and_the_score_is_made_up(
    tmp_path, whole
):
    class Interrupted(Arithmetic):
        def count(self, variables, batch):
            os.kill(os.getpid(), signal.SIGTERM)
            return super().count(variables, batch)

    runner = Interrupted()
    with pytest.raises(Stopped):
        go(tmp_path / "cut", runner)
    assert runner.calls.count(("count", 4)) == 1  # of two batches
    again = go(tmp_path / "cut")
    assert rows(tmp_path / "cut") == whole.rows
    assert (again.best, again.scores) == (whole.best, whole.scores)


def test_handlers_are_given_back(tmp_path):
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    go(tmp_path)
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_signal_that_the_program_was_told_to_ignore_stays_ignored(tmp_path):
    """`nohup` does that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        runner = Arithmetic(at=3, act=lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert int(go(tmp_path, runner).state["step"]) == 12
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGHUP])
def test_lost_output_stops_a_run_as_a_signal_does(tmp_path, number, whole):
    lost = []
    task = dataclasses.replace(TASK, asked=lambda: lost[0] if lost else None)
    with pytest.raises(Stopped, match=f"stopped by {number.name} at step 6") as stopped:
        go(tmp_path / "cut", Arithmetic(at=5, act=lambda: lost.append(number)), task)
    assert stopped.value.exit_status == 128 + number
    again = go(tmp_path / "cut")
    assert again.state["w"].tobytes() == whole.state["w"].tobytes()
    assert rows(tmp_path / "cut") == whole.rows


@pytest.mark.parametrize("way", ["signal", "lost output"])
def test_with_several_processes_a_hangup_is_passed_on_as_sigterm(monkeypatch, way):
    """jax's preemption service watches for SIGTERM, and makes all processes agree."""
    received = []
    before = signal.signal(signal.SIGTERM, lambda *_: received.append("SIGTERM"))
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    asked = lambda: signal.SIGPIPE if way == "lost output" else None
    try:
        with StopRequests(asked) as stop:
            if way == "signal":
                os.kill(os.getpid(), signal.SIGHUP)
            assert not stop and not stop  # the service decides
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == ["SIGTERM"]


@pytest.mark.parametrize(("at", "good"), [(2, "none was saved"), (8, "ckpt/8")])
def test_a_loss_that_is_not_finite_names_step_files_and_checkpoint(tmp_path, at, good):
    runner = Arithmetic(at=at, act=nan_on_invalid_label)
    with pytest.raises(NonFiniteLoss) as error:
        go(tmp_path, runner)
    message = str(error.value)
    first = 2 * at % IMAGES
    assert f"not finite at step {at + 1}: loss nan" in message
    assert f"file{first}.png, file{first + 1}.png" in message
    assert message.endswith(good)


def test_no_checkpoint_is_written_after_a_loss_that_was_not_finite(tmp_path):
    with pytest.raises(NonFiniteLoss):
        go(tmp_path, Arithmetic(at=2, act=nan_on_invalid_label), save_every=3)
    with Checkpoints(tmp_path / "ckpt") as checkpoints:
        assert checkpoints.steps == ()


def test_a_finished_run_is_not_repeated_and_can_be_extended(tmp_path):
    first = go(tmp_path)
    runner = Arithmetic()
    again = go(tmp_path, runner)
    assert runner.calls == []
    assert again.scores == first.scores
    go(tmp_path, runner, steps=14)
    assert [step for kind, step in runner.calls if kind == "step"] == [12, 13]
    with pytest.raises(ValueError, match=r"train.steps=5 is .* at least 14"):
        go(tmp_path, steps=5)


class Declining(Arithmetic):
    """A runner whose score is highest at step 8 and then falls."""

    def count(self, variables, batch):
        right = 100 - abs(int(variables["step"]) - 8)
        return np.array([[right, 5], [3, right], [0, 1]], np.int32)


def test_a_run_without_improvement_ends_early_and_stays_ended(tmp_path):
    changes = {"steps": 40, "patience": 2}
    result = go(tmp_path / "whole", Declining(), **changes)
    assert (result.step, result.best) == (16, 8)
    assert read_metrics(tmp_path / "whole", "eval")[-1]["step"] == 16
    again = Declining()
    assert go(tmp_path / "whole", again, **changes).step == 16
    assert again.calls == []
    # The count survives a crash between two evaluations.
    broken = Declining(at=14, act=kill)
    with pytest.raises(RuntimeError):
        go(tmp_path / "broken", broken, **changes)
    assert go(tmp_path / "broken", Declining(), **changes).step == 16
    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")
    assert go(tmp_path / "whole", Declining(), steps=40).step == 40


def test_another_batch_size_is_refused(tmp_path):
    go(tmp_path)
    with pytest.raises(ValueError, match=r"batch_size=4 is .* It has read 24 images"):
        go(tmp_path, batch_size=4, steps=20)


def test_a_failing_save_stops_the_run_and_the_run_can_go_on(
    tmp_path, monkeypatch, whole
):

    def save(self, step, *args, **kwargs):
        if step == 8:
            raise OSError(28, "No space left on device")
        return original(self, step, *args, **kwargs)

    original = ocp.CheckpointManager.save
    monkeypatch.setattr(ocp.CheckpointManager, "save", save)
    with pytest.raises(
        CheckpointError, match=r"step 8.*No space left.*step 6 is the last"
    ):
        go(tmp_path / "cut")
    monkeypatch.undo()
    again = go(tmp_path / "cut")
    assert again.state["w"].tobytes() == whole.state["w"].tobytes()
    assert rows(tmp_path / "cut") == whole.rows


def test_overlays_are_drawn_at_every_evaluation(tmp_path):
    drawn = []
    task = dataclasses.replace(
        TASK, overlays=lambda step, variables: drawn.append((step, variables["step"]))
    )
    go(tmp_path, task=task)
    assert drawn == [(4, 4), (8, 8), (12, 12)]


def test_the_metrics_file_is_json_without_nan(tmp_path):
    go(tmp_path)
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("damage", [b"\xff", b'{"step"', b""])
def test_the_scores_of_the_last_step_are_written_again_when_their_line_is_damaged(
    tmp_path, damage
):
    """Else a sweep would never see that the run has ended."""
    go(tmp_path)
    record = tmp_path / "metrics.jsonl"
    rows = read_metrics(tmp_path)
    assert [(row["step"], row["kind"]) for row in rows][-1] == (12, "eval")
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join([*lines[:-1], damage]))
    go(tmp_path)
    assert read_metrics(tmp_path) == rows


def test_scores_of_another_step_are_not_written_under_the_last_one(tmp_path):
    """Step 9 was saved without a score; by the new cadence it would have one."""
    with pytest.raises(RuntimeError, match="power cut"):
        go(tmp_path, Arithmetic(at=10, act=kill))
    go(tmp_path, eval_every=9)
    assert [row["step"] for row in read_metrics(tmp_path, "eval")] == [4, 8, 12]


def reading(variables):
    """A measurement that depends on the variables."""
    figure = {"field": f"{variables['w'].sum()}".encode()}
    return FieldReading({"sigma_rows": float(variables["w"][0])}, figure)


def test_fields_are_measured_when_due_and_once_in_interrupted_runs(
    tmp_path, monkeypatch
):
    pictures = []
    writer = "jaxseg.training.run.event_writer.EventWriter.add_image"
    monkeypatch.setattr(writer, lambda self, *picture: pictures.append(picture))
    task = dataclasses.replace(TASK, field=reading)
    whole = go(tmp_path / "whole", task=task, measure_every=4)
    found = read_metrics(tmp_path / "whole", "lab")
    assert [row["step"] for row in found] == [0, 4, 8, 12]
    assert "measuring_share" not in found[0] and found[1]["measuring_share"] > 0
    figure = (tmp_path / "whole/lab/00000004/field.png").read_bytes()
    assert (4, "lab/field", figure) in [(n, tag, png) for tag, png, n in pictures]
    kinds = [(row["kind"], row["step"]) for row in read_metrics(tmp_path / "whole")]
    assert kinds.index(("lab", 4)) + 1 == kinds.index(("eval", 4))
    for at, act in ((4, kill), (3, lambda: os.kill(os.getpid(), signal.SIGTERM))):
        cut = tmp_path / f"cut{at}"
        with pytest.raises((RuntimeError, Stopped)):
            go(cut, Arithmetic(at=at, act=act), task, measure_every=4)
        again = go(cut, task=task, measure_every=4)
        assert again.state["w"].tobytes() == whole.state["w"].tobytes()
        assert rows(cut) == rows(tmp_path / "whole")
    plain = go(tmp_path / "plain")
    assert plain.state["w"].tobytes() == whole.state["w"].tobytes()
