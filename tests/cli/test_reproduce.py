"""`jaxseg reproduce`: signs of differences, records, and the networks of all tables."""

import dataclasses
import functools
import json
import pathlib

import jax
import numpy as np
import pytest

from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.config import DataConfig
from jaxseg.lab.page import lines
from jaxseg.lab.reproduction import training
from jaxseg.lab.reproduction.comparison import score_table, sign_table, summary_of
from jaxseg.lab.reproduction.records import read_records, scores_of
from jaxseg.lab.reproduction.reduced import row_configs
from jaxseg.lab.reproduction.signs import compare_signs
from jaxseg.lab.reproduction.tables import Row, all_tables, find_table
from jaxseg.lab.sweeps import execution
from jaxseg.runs.directory import build_model
from jaxseg.training.run.metric_reader import METRICS
from tests.tiers import tiered

ROOT = pathlib.Path(__file__).parents[2]
TABLES = {f"{table.paper}-{table.name}": table for table in all_tables()}
ROWS = {
    f"{name}-{row.name}": (table, row.name)
    for name, table in TABLES.items()
    for row in table.rows
}
USUAL = {  # one row of each table
    *("bisenet-val-resnet18", "danet-mmseg-danet", "deeplabv2-table3-aspp_s"),
    *("deeplabv3-table5-rate_24", "deeplabv3plus-table3-os32_decoder"),
    *("drn-table3-c26", "fc_densenet-table3-fc_densenet56", "gscnn-table1-gscnn"),
    *("hdc-hdc-dilation_rf", "hrnet_ocr-readme-small_v2", "pspnet-table1-baseline"),
    "segnet-table3-segnet",
}
QUICK = {
    name for name in USUAL if not name.startswith(("fc_densenet", "gscnn", "hrnet"))
}


def test_signs_of_differences_above_one_point():
    rows = [Row(n, n, s, {}) for n, s in (("a", 70.0), ("b", 71.0), ("c", 69.5))]
    scores = {
        "a": {0: 0.30, 1: 0.32},
        "b": {0: 0.33, 1: 0.35},
        "c": {0: 0.31, 1: 0.36, 2: 0.5},
    }
    (pair,) = compare_signs(rows, scores)  # a and b differ by exactly one point.
    assert (pair.first, pair.second, pair.published) == ("b", "c", -1.5)
    assert pair.seeds == pytest.approx({0: -2.0, 1: 1.0})
    assert pair.agreeing == (0,)
    assert pair.mean == pytest.approx(-0.5) and pair.holds
    assert pair.spread == pytest.approx(4.5**0.5)
    (without,) = compare_signs(rows, {"c": {0: 0.3}})
    assert without.holds is None and without.mean is None and without.spread is None


def test_published_figures_and_options():
    figures = {name: [row.score for row in t.rows] for name, t in TABLES.items()}
    assert len(figures) == 12
    assert figures["deeplabv3-table5"] == [75.36, 75.93, 76.58, 76.46, 77.21]
    assert figures["hdc-hdc"] == [72.9, 75.0, 75.4, 76.4]
    assert figures["drn-table3"] == [67.3, 68.0, 70.9]
    for table in TABLES.values():
        assert table.arxiv and table.source and table.reduction.endswith(".")
        configs = row_configs(table)
        assert list(configs) == [row.name for row in table.rows]
        for config in configs.values():
            build_model(config, 11)


def test_rows_differ_only_in_what_the_paper_varies():
    configs = row_configs(find_table("deeplabv3", "table5"), steps=6)
    first, *others = configs.values()
    assert [c.model.options["multi_grid"] for c in configs.values()] == [
        *((1, 1, 1), (1, 2, 1)),
        *[(1, 2, 4)] * 3,
    ]
    for config in others:
        assert dataclasses.replace(config, model=first.model) == first
    assert first.train.steps == first.train.eval_every == 6
    assert first.optim.warmup_steps == 3


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Replaces training: scores are written, and the arguments of the runs are kept."""
    calls = []

    def start(run, shown, extra, children):
        calls.append((run.folder.name, extra))
        score = {"a50": 0.3, "c26": 0.4, "c42": 0.35}[run.name] + run.seed / 100
        step = run.config.train.steps
        line = {"step": step, "kind": "eval", "mean_iou": score}
        (run.folder / METRICS).write_text(json.dumps(line) + "\n")
        (run.folder / "ckpt" / str(step) / "state").mkdir(parents=True)
        return 0

    monkeypatch.setattr(execution, "start", start)
    opened = []
    monkeypatch.setattr(training, "open_source", lambda *given: opened.append(given))
    monkeypatch.chdir(tmp_path)
    return calls, opened


def test_a_table_is_trained_once_and_compared(trained, tmp_path, capsys):
    calls, opened = trained
    words = ["reproduce", "drn", "table3", "--seeds", "0", "1", "--steps", "6"]
    assert main([*words, "--data.raw-dir", "photos", "--rows", "a50"]) == 0
    assert [name for name, _ in calls] == ["a50-0", "a50-1"]
    words += ["--rows", "c26", "c42"]
    assert main([*words, "--data.raw-dir", "photos", "--json", "found.json"]) == 0
    assert len(calls) == 6 and opened[0][0].raw_dir == "photos"
    assert all(extra == ["--data.raw-dir", "photos"] for _, extra in calls)
    printed = capsys.readouterr().out
    assert main(words) == 0 and len(calls) == 6 and len(opened) == 2
    assert main([*words[:3], "--show", "--rows", "a50", "c42"]) == 0
    shown = capsys.readouterr().out
    for line in ("c42 - c26", "+2.90", "-5.00", "0 of 2"):
        assert line in printed
    assert "c42 - a50" in shown and "c42 - c26" not in shown.split("seeds")[-1]
    found = json.loads((tmp_path / "found.json").read_text())
    pairs = {(p["first"], p["second"]): p["holds"] for p in found["differences"]}
    assert pairs == {("c26", "c42"): False}
    assert found["rows"][0]["mean_iou"] == pytest.approx({"0": 0.4, "1": 0.41})
    line = json.loads(
        (tmp_path / "runs/reproduce/drn_table3/results.jsonl")
        .read_text()
        .splitlines()[0]
    )
    assert (line["paper"], line["table"]) == ("drn", "table3")


def test_a_dry_run_and_the_list_write_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "drn", "table3", "--rows", "c26", "--dry-run"]) == 0
    assert "324,589" in capsys.readouterr().out
    assert main(["reproduce", "--list"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{t.paper} " in printed for t in TABLES.values())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words, name",
    [
        ((), "paper=''"),
        (("drn",), "table=''"),
        (("drm", "table3"), "Did you mean 'drn'?"),
        (("drn", "table4"), "table='table4'"),
        (("drn", "table3", "--rows", "c27"), "rows='c27'"),
        (("drn", "table3", "--show"), "records="),
        (("drn", "table3", "--records", "x"), "records='x'"),
        (("drn", "table3", "--show", "--dry-run"), "--show"),
        (("drn", "table3", "--show", "--steps", "7"), "steps=7"),
        (("drn", "--list"), "paper='drn'"),
    ],
)
def test_errors(words, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) != 0
    text = capsys.readouterr().err
    assert name in text and text.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", tiered(ROWS, USUAL, QUICK))
def test_networks_are_built(name):
    table, row = ROWS[name]
    config = row_configs(table, (row,))[row]
    init = functools.partial(build_model(config, 11).init_with_output, train=False)
    image = jax.ShapeDtypeStruct((1, *config.data.crop, 3), np.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    outputs, variables = jax.eval_shape(init, key, image)
    assert outputs["logits"].shape == (1, *config.data.crop, 11)
    assert 50_000 < count_parameters(variables["params"]) < 5_000_000


@pytest.mark.parametrize("name", tiered(ROWS, {"deeplabv2-table3-largefov"}))
def test_one_step(name, tmp_path):
    """A row trains for one step on generated scenes."""
    table, row = ROWS[name]
    config = row_configs(table, (row,), steps=1)[row]
    data = DataConfig(
        "shapes",
        crop=(64, 96),
        train_split="train[:8]",
        eval_split="validation[:2]",
    )
    one = dataclasses.replace(config.train, batch_size=2, eval_batch_size=2)
    config = dataclasses.replace(config, data=data, train=one)
    assert train.execute(config, tmp_path, count=1) == 0
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    losses = [row["loss"] for row in map(json.loads, lines) if "loss" in row]
    assert len(losses) == 1 and 0 < losses[0] < 1e4


@pytest.mark.parametrize(
    "name", ["deeplabv3-table5", "drn-table3", "hdc-hdc"], ids=lambda name: name
)
def test_the_report_says_what_the_records_say(name):
    table, folder = TABLES[name], ROOT / "experiments/reproduce"
    scores = scores_of(read_records(folder / "results.jsonl", table))
    assert set(scores) == {row.name for row in table.rows}
    compared = compare_signs(table.rows, scores)
    report = (folder / "report.md").read_text()
    for part in (
        lines(score_table(table, table.rows, scores)),
        lines(sign_table(compared)),
        summary_of(compared),
    ):
        for line in part.splitlines():
            assert f"\n    {line}\n" in report
