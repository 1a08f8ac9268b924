"""The benchmark's bookkeeping: clock, marks, resumption, table; and one real row."""

import itertools
import json
import time

import numpy as np
import pytest
from PIL import Image

from jaxseg.bench import clock as bench_clock
from jaxseg.bench import memory as bench_memory
from jaxseg.bench import operators as bench_ops
from jaxseg.bench import report as bench_report
from jaxseg.bench import runners as bench_models
from jaxseg.bench import session
from jaxseg.bench.cases import CASES
from jaxseg.bench.networks import NETWORKS, Entry
from jaxseg.cli.bench import main
from jaxseg.models import MODELS


def record(name="deep", kind="train step", ours=1.0, theirs=2.0, **changes):
    times = lambda ms: {"median_ms": ms, "min_ms": ms / 2, "rounds": 5}
    return {
        "key": f"models|{name}|{kind}|cpu|float32",
        "part": "models",
        "name": name,
        "kind": kind,
        "device": "cpu",
        "dtype": "float32",
        "versions": {"jax": "1"},
        "commit": "abc",
        "batch": 2,
        "size": 64,
        "parameters": {"jaxseg": 7, "torch": 7},
        "compile_seconds": 1.0,
        "temp_bytes": 2**20,
        "notes": {},
        "times": {"jaxseg": times(ours), "torch": times(theirs)},
        "contaminated": False,
        "quick": False,
        **changes,
    }


@pytest.fixture(scope="module")
def sentinel():
    """A program of reference, which is timed once for all tests."""
    return bench_clock.Sentinel()


@pytest.mark.slow
def test_contestants_take_turns_and_are_told_apart(sentinel):
    order = []

    def contestant(name, seconds):
        def run():
            order.append(name)
            time.sleep(seconds)

        return run

    runs = {"slow": contestant("slow", 0.06), "fast": contestant("fast", 0.001)}
    limits = bench_clock.Limits(seconds=0.0, least=3, most=3, warm=1)
    measured = bench_clock.measure(runs, limits, sentinel)
    summary = measured.summary()
    assert summary["slow"]["min_ms"] >= 60 and summary["fast"]["min_ms"] >= 1
    assert summary["fast"]["median_ms"] < summary["slow"]["median_ms"] / 4
    assert summary["slow"]["rounds"] == 3
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert changes >= 5  # never all of one and then all of the other


@pytest.mark.parametrize(
    ("others", "sentinel", "disturbed"),
    [(0.0, 1.0, False), (0.5, 1.0, True), (0.0, 2.0, True), (None, 1.1, False)],
)
def test_a_row_beside_other_processes_is_marked(others, sentinel, disturbed):
    measured = bench_clock.Measured({"jaxseg": [1.0]}, others, sentinel)
    assert measured.contaminated == disturbed


def test_the_sentinel_remembers_its_best(sentinel):
    best = sentinel.best
    assert sentinel.slowdown([3 * best] * 3) == pytest.approx(3)
    assert sentinel.slowdown([best / 2] * 3) == pytest.approx(1)
    assert sentinel.best == best / 2


def test_the_last_undisturbed_record_counts():
    old, new = record(ours=1.0), record(ours=3.0)
    disturbed = record(ours=9.0, contaminated=True)
    quick = record(ours=8.0, quick=True)
    assert bench_report.latest([old, new, disturbed, quick]) == [new]
    assert bench_report.latest([disturbed, quick]) == [disturbed]  # a full row


def test_only_clean_full_rows_are_finished():
    rows = [
        record("clean"),
        record("disturbed", contaminated=True),
        record("quick", quick=True),
    ]
    assert session.finished(rows) == {rows[0]["key"]}


def test_a_half_written_line_is_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(record()) + "\n" + json.dumps(record())[:40])
    assert session.read(path) == [record()]
    assert session.read(tmp_path / "none") == []


def test_the_page_holds_ratios_means_goals_and_marks(tmp_path):
    rows = [
        record("even", ours=1.0, theirs=1.0),
        record("slow", ours=4.0, theirs=1.0),
        record("other", "forward b1", ours=1.0, theirs=2.0, contaminated=True),
        record("unequal", "forward b8", parameters={"jaxseg": 7, "torch": 8}),
        record("alone", parameters={"jaxseg": 7}, notes={"torch": "no peer"}),
    ]
    rows[-1]["times"].pop("torch")
    bench_report.write(rows, tmp_path, "jaxseg bench")
    text = (tmp_path / "table.md").read_text()
    assert "4.00 \\| 4.00" in text
    assert "train step: geometric mean 2.00 of 2, most 4.00 (slow)" in text
    assert "goal 1.0 and 1.4: missed" in text
    assert "goal 1.0 and 1.3: met; 1 disturbed" in text
    assert "other *" in text and "slow *" not in text
    assert "7 (UNEQUAL)" in text and "7 (no peer)" in text and "7 (equal)" in text
    assert np.asarray(Image.open(tmp_path / "networks.png")).ndim == 3
    assert not (tmp_path / "operators.png").exists()


def test_every_network_is_one_of_ours_with_options_it_takes():
    for entry in NETWORKS:
        MODELS[entry.name](21, **entry.ours(64))
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_a_training_step_of_a_row_runs_twice():
    """The state is donated: the second run works on what the first returned."""
    small = Entry("unet", 32, (("width", 2), ("depth", 2)))
    row = bench_models.Ours(small, "train step", 2, 32, "float32", "auto")
    row.run()
    row.run()
    assert int(row.state.step) == 2


def test_an_operator_row_returns_outputs_and_gradients():
    case = next(c for c in CASES if c.name.startswith("transposed 2x2"))
    row = bench_ops.Ours(case, True, "float32")
    row.run()
    value, (image, kernel) = row.compiled(*row.arguments)
    assert image.shape == case.image and kernel.shape == case.kernel
    forward = bench_ops.Ours(case, False, "float32").value()
    np.testing.assert_allclose(np.asarray(value), forward, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_command_measures_and_resumes(tmp_path, sentinel, monkeypatch):
    monkeypatch.setattr(session, "Sentinel", lambda: sentinel)
    arguments = ["--parts", "ops", "--filter", "7x7*", "--quick", "-o", str(tmp_path)]
    assert main([*arguments, "--no-torch"]) == 0
    rows = session.read(tmp_path / "results.jsonl")
    assert [row["kind"] for row in rows] == ["forward", "forward + backward"]
    assert all(row["quick"] and "jaxseg" in row["times"] for row in rows)
    assert "7x7/2" in (tmp_path / "table.md").read_text()
    finished = [{**row, "quick": False, "contaminated": False} for row in rows]
    lines = "".join(json.dumps(row) + "\n" for row in finished)
    (tmp_path / "results.jsonl").write_text(lines)
    assert main([*arguments, "--no-torch"]) == 0
    assert session.read(tmp_path / "results.jsonl") == finished


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="filter='resnet9000' is invalid"):
        main(["--filter", "resnet9000", "--no-torch", "-o", str(tmp_path)])


def test_planned_memory_leaves_donated_arguments_out():
    x = np.ones((256, 1024), np.float32)
    move = lambda x: x + 1
    kept, _ = bench_ops.compiled(move, (x,))
    donated, _ = bench_ops.compiled(move, (x,), donate_argnums=0)
    assert bench_memory.planned(kept) >= x.nbytes
    assert bench_memory.planned(donated) < x.nbytes / 4
