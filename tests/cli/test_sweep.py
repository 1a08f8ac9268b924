"""`jaxseg sweep`: every seed once, resumed, failures named, mean and spread."""

import json
import pathlib
import statistics

import pytest

from jaxseg.cli.main import main
from jaxseg.lab.sweeps import execution, results
from jaxseg.lab.sweeps.configs import load_configs
from jaxseg.lab.sweeps.members import plan, prepare
from jaxseg.training.run.metric_reader import METRICS

FILE = """
from jaxseg.config import Config, ModelConfig, TrainConfig
configs = {
    name: Config(ModelConfig("unet", {"width": width}), train=TrainConfig(steps=4))
    for name, width in (("narrow", 4), ("wide", 8))
}
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sweep.py").write_text(FILE)
    return tmp_path


@pytest.fixture
def processes(monkeypatch):
    """Replaces training: (folder, environment, extra) are kept, scores are written."""
    calls, broken = [], set()

    def start(run, shown, extra, children):
        calls.append((run.folder.name, shown, extra))
        if run.folder.name in broken:
            return 1
        width = run.config.model.options["width"]
        score = width / 10 + run.seed / 100
        line = {"step": 4, "kind": "eval", "mean_iou": score, "pixel_accuracy": 0.5}
        (run.folder / METRICS).write_text(json.dumps(line) + "\n")
        (run.folder / "ckpt" / "4" / "state").mkdir(parents=True, exist_ok=True)
        return 0

    monkeypatch.setattr(execution, "start", start)
    return calls, broken


def run(place, *words):
    return main(
        ["sweep", str(place / "sweep.py"), "--workdir", str(place / "w"), *words]
    )


def test_every_run_once_and_the_table(place, processes, capsys):
    calls, _ = processes
    words = ("--devices", "0", "1", "--seeds", "0", "3", "--", "--data.raw-dir", "x")
    assert run(place, *words) == 0
    names = {"narrow-0", "wide-0", "narrow-3", "wide-3"}
    assert {name for name, *_ in calls} == names and len(calls) == 4
    assert all(extra == ["--data.raw-dir", "x"] for *_, extra in calls)
    devices = {environment["CUDA_VISIBLE_DEVICES"] for _, environment, _ in calls}
    assert devices <= {"0", "1"}
    table = json.loads((place / "w" / "table.json").read_text())
    assert [row["name"] for row in table] == ["narrow", "wide"]
    assert table[0]["mean_iou"] == pytest.approx(0.415)
    assert table[0]["spread"] == pytest.approx(statistics.stdev([0.40, 0.43]))
    lines = (place / "w" / "results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 4 and {(r["name"], r["seed"]) for r in rows} == {
        ("narrow", 0),
        ("wide", 0),
        ("narrow", 3),
        ("wide", 3),
    }
    assert all(row["versions"]["jax"] and row["command"] for row in rows)
    stored = json.loads((place / "w" / "narrow-3" / "config.json").read_text())
    assert stored["train"]["seed"] == 3 and stored["model"]["options"] == {"width": 4}
    assert "0.415" in capsys.readouterr().out


def test_figure_form_and_record(place, processes):
    """Dots stand where the scores are; another form has its own folder and figure."""
    text = (
        FILE
        + """
full = {"narrow": configs["narrow"], "wide": configs["wide"]}
axis = {"narrow": 0.25, "wide": 1.0}
axis_label = "coverage"
"""
    )
    (place / "sweep.py").write_text(text)
    record = place / "record"
    assert run(place, "--variant", "full", "--results-dir", str(record)) == 0
    for name in (results.RESULTS, results.FIGURE):
        assert (record / name).read_bytes() == (place / "w" / name).read_bytes()
    found = (record / results.FIGURE).read_bytes()
    scores = {
        name: [width / 10 + seed / 100 for seed in range(3)]
        for name, width in (("narrow", 4), ("wide", 8))
    }
    axis = ("coverage", {"narrow": 0.25, "wide": 1.0})
    assert found == results.draw(scores, axis, "mean_iou")
    rows = [json.loads(line) for line in (record / results.RESULTS).open()]
    assert all("CPU cores" in row["machine"] for row in rows)
    with pytest.raises(ValueError, match="that defines `half"):
        load_configs(str(place / "sweep.py"), "half")
    assert load_configs(str(place / "sweep.py"))[1] == axis


def test_finished_runs_are_kept_and_failed_ones_tried_again(place, processes, capsys):
    calls, broken = processes
    broken.add("wide-0")
    assert run(place, "--seeds", "0") == 1
    assert "failed" in capsys.readouterr().err
    (row,) = json.loads((place / "w" / "table.json").read_text())
    assert row["name"] == "narrow" and row["spread"] is None
    broken.clear()
    calls.clear()
    assert run(place, "--seeds", "0") == 0
    assert [name for name, *_ in calls] == ["wide-0"]
    assert len(json.loads((place / "w" / "table.json").read_text())) == 2


def test_a_run_without_its_last_checkpoint_is_not_finished(place, processes):
    """It was killed between its last record and the end of its last save."""
    calls, _ = processes
    assert run(place, "--seeds", "0") == 0
    (place / "w" / "wide-0" / "ckpt" / "4").rename(
        place / "w" / "wide-0" / "ckpt" / "2"
    )
    assert run(place, "--seeds", "0") == 0
    assert [name for name, *_ in calls[2:]] == ["wide-0"]


def test_a_run_that_ended_early_is_finished(place, processes):
    calls, _ = processes
    changed = FILE.replace("TrainConfig(steps=4)", "TrainConfig(steps=9, patience=1)")
    (place / "sweep.py").write_text(changed)
    assert run(place, "--seeds", "0") == 1  # One evaluation does not end a run.
    (place / "w" / "wide-0" / "ckpt" / "6" / "state").mkdir(parents=True)
    with (place / "w" / "wide-0" / METRICS).open("a") as file:
        file.write('{"step": 6, "kind": "eval", "mean_iou": 0.1}\n')
    calls.clear()
    run(place, "--seeds", "0")
    assert [name for name, *_ in calls] == ["narrow-0"]


@pytest.mark.parametrize("tail", [b'{"step": 4, "ki', b"\xff\xfe\n", b"[4]\n", b"{}\n"])
def test_a_damaged_record_does_not_stop_the_sweep(place, processes, caplog, tail):
    """A line that a killed child cut, or that the disk damaged."""
    calls, _ = processes
    assert run(place, "--seeds", "0") == 0
    record = place / "w" / "wide-0" / METRICS
    whole = record.read_bytes()
    record.write_bytes(whole + tail)
    assert run(place, "--seeds", "0") == 0
    assert len(calls) == 2  # the evaluation is still there
    record.write_bytes(tail)
    assert run(place, "--seeds", "0") == 0
    assert [name for name, *_ in calls[2:]] == ["wide-0"]
    assert record.read_bytes() == whole
    assert f"{record}: 1 line of 1 cannot be read as a record" in caplog.text


@pytest.mark.parametrize("value", [None, "high", [1]])
def test_a_score_without_a_mean_is_named(place, processes, capsys, value):
    assert run(place, "--seeds", "0") == 0
    line = {"step": 4, "kind": "eval", "mean_iou": value}
    record = place / "w" / "wide-0" / METRICS
    record.write_text(json.dumps(line) + "\n")
    assert run(place, "--seeds", "0") == 1
    error = capsys.readouterr().err
    assert f"a number, found {value!r} at" in error and str(record) in error


def test_a_changed_configuration_is_refused(place, processes, capsys):
    assert run(place, "--seeds", "0") == 0
    (place / "sweep.py").write_text(FILE.replace("steps=4", "steps=5"))
    assert run(place, "--seeds", "0") == 1
    assert "train.steps: 4 there, 5 here" in capsys.readouterr().err


def test_errors(place, processes, capsys):
    assert run(place, "--seeds", "1", "1") == 1
    assert run(place, "--seeds", "0", "--metric", "dice") == 1
    (place / "sweep.py").write_text("configs = {'a b': 1}")
    assert run(place) == 1
    error = capsys.readouterr().err
    assert "distinct numbers" in error
    assert "metric='dice' is invalid: expected one of step, kind, mean_iou" in error
    assert "configs['a b'] is invalid: expected a Config" in error


def test_seeds_share_compiled_programs(place, monkeypatch):
    """In a folder of the sweep, or in the one that the user has chosen."""
    seen = []

    class Children:
        def run(self, command, *, stdout, stderr, env):
            cache = env["JAX_COMPILATION_CACHE_DIR"]
            seen.append((command[-3:], cache, env.get("GPU")))
            return 0

    configs, _ = load_configs(str(place / "sweep.py"))
    runs = plan(configs, (0, 1), place / "w")
    for one in runs:
        prepare(one)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    assert execution.start(runs[0], {"GPU": "1"}, ["--x"], Children()) == 0
    assert execution.start(runs[2], {}, ["--x"], Children()) == 0
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "chosen")
    execution.start(runs[0], {}, [], Children())
    own = str(place / "w" / "compiled")
    assert [cache for _, cache, _ in seen] == [own, own, "chosen"]
    assert seen[0][0] == ["--workdir", str(runs[0].folder), "--x"]
    assert seen[0][2] == "1"


PHOTOS = pathlib.Path(__file__).parents[1] / "golden" / "photos"
REAL = """
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
data = DataConfig("folder", crop=(16, 24))
train = TrainConfig(
    steps=2, batch_size=4, eval_batch_size=4, eval_every=2, save_every=2,
    num_overlays=1, report_images=0,
)
configs = {"tiny": Config(ModelConfig("unet", {"width": 4, "depth": 1}), data, train=train)}
"""
FRAMEWORKS = {"torch", "tensorflow", "tensorboardX", "matplotlib"}


@pytest.mark.slow
def test_a_real_sweep_of_one_run_loads_no_other_framework(
    tmp_path, capsys, monkeypatch
):
    """The process itself: trains, is found finished, leaves a score.

    It loads no other framework. Only the report at the end of a run draws charts.
    """
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # the log lists all imports
    (tmp_path / "sweep.py").write_text(REAL)
    data = (f"--data.raw-dir={PHOTOS}", f"--data.prepared-dir={tmp_path / 'data'}")
    words = ("--seeds", "5", "--", *data)
    status = run(tmp_path, *words)
    log = (tmp_path / "w" / "tiny-5" / "log.txt").read_text()
    assert status == 0, log
    imports = [line for line in log.splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in imports}
    assert {"jax", "jaxseg"} <= loaded and not loaded & FRAMEWORKS
    assert list((tmp_path / "w" / "tiny-5").glob("events.out.tfevents.*"))
    (row,) = json.loads((tmp_path / "w" / "table.json").read_text())
    assert row["name"] == "tiny" and 0 <= row["mean_iou"] <= 1
    assert run(tmp_path, *words) == 0
    assert "1 runs, 1 finished" in capsys.readouterr().out
