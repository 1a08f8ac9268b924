"""A start that is refused changes nothing, and only one process owns a run."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket

import numpy as np
import pytest

from jaxseg.cli.main import main
from jaxseg.runs import lock
from jaxseg.runs.directory import read_spec
from jaxseg.runs.pretrained import source_spec
from jaxseg.storage import process
from jaxseg.weights.translate.model_card import Card, Normalization

PHOTOS = pathlib.Path(__file__).parents[1] / "golden" / "photos"
CLASSES = ("ground", "ball", "box")
SMALL = (
    "--data.name=folder", "--data.crop", "16", "24", "--data.scale-range", "1", "1",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--model.options.style.norm=group", "--model.options.style.groups=2",
    "--optim.weight-decay=0", "--train.steps=2", "--train.batch-size=2",
    "--train.eval-every=2", "--train.save-every=2", "--train.num-overlays=0", "--train.report-images=0",
    "--devices=1",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory):
    """One place for all prepared data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXSEG_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


def photos(folder, classes=CLASSES):
    """The photographs with other class names."""
    if not folder.exists():
        shutil.copytree(PHOTOS, folder)
        (folder / "classes.txt").write_text("\n".join(classes) + "\n")
    return folder


def start(workdir, *more, path=PHOTOS):
    """The exit status of a training run."""
    return main(
        ["train", f"--workdir={workdir}", f"--data.raw-dir={path}", *SMALL, *more]
    )


def snapshot(folder):
    """Names and bytes of everything in a folder."""
    paths = sorted(folder.rglob("*"))
    return {p.relative_to(folder): p.is_file() and p.read_bytes() for p in paths}


def last_line(capsys):
    """What is on standard error, which must be one line."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    return text


def scores(workdir, tmp_path, *more):
    """Confusion counts of `jaxseg eval`."""
    output = tmp_path / "scores.json"
    assert main(["eval", str(workdir), f"--output={output}", "--devices=1", *more]) == 0
    return json.loads(output.read_text())["confusion"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, prepared):
    """A finished run; read only."""
    workdir = tmp_path_factory.mktemp("finished") / "run"
    assert start(workdir) == 0
    return workdir


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run."""
    return pathlib.Path(shutil.copytree(finished, tmp_path / "run"))


OTHER_CLASSES = {
    "renamed": ("ground", "ball", "cube"),
    "reordered": ("ball", "ground", "box"),
    "one more": (*CLASSES, "tree"),
}


@pytest.mark.slow
@pytest.mark.parametrize("classes", OTHER_CLASSES.values(), ids=OTHER_CLASSES)
@pytest.mark.parametrize("steps", [2, 4], ids=["finished", "to resume"])
def test_other_classes_are_refused_by_name(run, tmp_path, capsys, classes, steps):
    before = snapshot(run)
    path = photos(tmp_path / "photos", classes)
    assert start(run, f"--train.steps={steps}", path=path) == 1
    message = last_line(capsys)
    assert f"the classes of the data, {', '.join(classes)}, but" in message
    assert f"it was trained on {', '.join(CLASSES)}. " in message
    assert snapshot(run) == before


def test_the_same_classes_elsewhere_are_accepted(run, tmp_path):
    assert start(run, path=photos(tmp_path / "moved")) == 0
    assert json.loads((run / "config.json").read_text())["data"]["raw_dir"] == str(
        tmp_path / "moved"
    )


def test_fewer_steps_than_the_checkpoint_are_refused(run, capsys):
    before = snapshot(run)
    assert start(run, "--train.steps=1") == 1
    expected = f"train.steps=1 is invalid: expected at least 2, the step that {run} has"
    assert expected in last_line(capsys)
    assert snapshot(run) == before
    assert main(["train", f"--workdir={run}", "--devices=1"]) == 0


@pytest.mark.parametrize("name", ["config.json", "dataset.json"])
def test_a_run_without_its_records_is_refused(run, tmp_path, capsys, name):
    """Otherwise its weights would be trained under other settings or class names."""
    (run / name).unlink()
    before = snapshot(run)
    path = photos(tmp_path / "photos", tuple(reversed(CLASSES)))
    assert start(run, "--train.steps=4", "--optim.learning-rate=9", path=path) == 1
    assert f"{run / name} is missing, although {run} has a checkpoint" in last_line(
        capsys
    )
    assert snapshot(run) == before


DAMAGES = {
    "zeroed values": ("d/*", lambda content: bytes(len(content))),
    "cut values": ("d/*", lambda content: content[:100]),
    "cut names": ("_METADATA", lambda content: content[:100]),
}


@pytest.mark.parametrize(("files", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_before_the_first_write(
    run, capsys, files, damage
):
    found = [*(run / "ckpt" / "2" / "state").rglob(files)]
    assert found
    for path in found:
        path.write_bytes(damage(path.read_bytes()))
    before = snapshot(run)
    assert start(run, "--train.steps=4") == 1
    assert "ckpt/2 is damaged" in last_line(capsys)
    assert snapshot(run) == before


REFUSED = {
    "a seed": ("--train.seed=-1",),
    "a batch": ("--train.eval-batch-size=0",),
    "a crop": ("--data.crop", "100000", "100000"),
    "a depth": ("--model.options.depth=9",),
}
DIVERGES = ("--optim.name=sgd", "--optim.learning-rate=3e38")


@pytest.mark.slow
def test_a_corrected_command_is_accepted(tmp_path):
    """Whether the ones before were refused, or ended before they saved anything."""
    for name, wrong in REFUSED.items():
        assert start(tmp_path / "run", *wrong) == 1, name
    assert start(tmp_path / "run", *DIVERGES) == 4
    assert start(tmp_path / "run", "--train.seed=1", "--optim.learning-rate=0.01") == 0
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["train"]["seed"] == 1 and stored["optim"]["learning_rate"] == 0.01
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 2]


def test_a_second_job_ends_at_once(run, capsys):
    with lock.holding(run) as held:
        before = snapshot(run)
        assert start(run, "--train.steps=4") == 1
        message = last_line(capsys)
        assert snapshot(run) == before
    assert f"{run} is in use by process {os.getpid()} on {socket.gethostname()}" in (
        message
    )
    assert held.holder.since in message


def test_readers_need_no_lock(run, tmp_path):
    with lock.holding(run):
        scores(run, tmp_path)


def test_the_lock_of_a_killed_run_does_not_block(run):
    dead = dataclasses.replace(process.current(), start="1")
    (run / lock.LOCK).write_text(lock.Holder(dead, "before", "token").to_json())
    assert start(run) == 0
    assert not (run / lock.LOCK).exists()


@pytest.mark.slow
def test_a_run_that_lost_its_directory_stops_before_it_writes(
    tmp_path, capsys, monkeypatch
):
    """As after a suspension that was longer than the limit of the lock."""
    checks = []

    def check(self):
        checks.append(1)
        if len(checks) == 2:
            raise lock.RunInUse("taken over by process 7 on elsewhere")

    monkeypatch.setattr(lock.Lock, "check", check)
    assert start(tmp_path / "run", "--train.save-every=1") == 1
    assert "taken over by process 7" in last_line(capsys)
    assert not list((tmp_path / "run" / "ckpt").glob("[0-9]*"))


def with_normalization(run, mean, std):
    """Changes the stored normalization, as that of converted weights differs."""
    path = run / "dataset.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "mean": mean, "std": std})
    )


UNCHANGED = ("--optim.learning-rate=0", "--train.steps=1")


@pytest.mark.slow
def test_pretrained_weights_bring_their_normalization(run, tmp_path, capsys):
    with_normalization(run, [0.1, 0.2, 0.3], [0.9, 0.8, 0.7])
    capsys.readouterr()
    new = tmp_path / "new"
    assert start(new, f"--train.init-from={run}", *UNCHANGED) == 0
    assert (
        "mean (0.1, 0.2, 0.3) and standard deviation (0.9, 0.8, 0.7); the data have (0.485"
        in (last_line(capsys))
    )
    stored = json.loads((new / "dataset.json").read_text())
    assert (stored["mean"], stored["std"]) == ([0.1, 0.2, 0.3], [0.9, 0.8, 0.7])
    theirs, ours = scores(run, tmp_path), scores(new, tmp_path)
    assert ours == theirs
    rows = [
        json.loads(line) for line in (new / "metrics.jsonl").read_text().splitlines()
    ]
    assert rows[-1]["pixels"] == np.sum(ours, axis=1).tolist()
    assert start(new, f"--train.init-from={run}", UNCHANGED[0], "--train.steps=2") == 0
    assert json.loads((new / "dataset.json").read_text()) == stored


def test_evaluation_pads_with_the_mean_of_the_run(run, tmp_path):
    """`predict` pads with it too; otherwise borders would be scored differently."""
    from jaxseg.tasks import evaluation

    with_normalization(run, [0.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    seen = []
    original = evaluation.observe

    def observe(*args, source, **kwargs):
        seen.append(source.spec.mean)
        return original(*args, source=source, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "observe", observe)
        scores(run, tmp_path)
    assert seen == [(0.0, 1.0, 0.0)]


def test_weights_for_another_order_of_channels_are_refused(run, tmp_path, capsys):
    card = Card("unet", 3, {}, "file", "", "caffe", "", Normalization(order="BGR"))
    card.write(run)
    assert start(tmp_path / "new", f"--train.init-from={run}") == 1
    message = last_line(capsys)
    assert (
        "train.init_from=" in message
        and "normalization.order='BGR' is invalid" in message
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_other_classes_of_the_same_number_are_told(run, tmp_path, capsys):
    path = photos(tmp_path / "photos", OTHER_CLASSES["renamed"])
    capsys.readouterr()
    assert (
        start(tmp_path / "new", f"--train.init-from={run}", *UNCHANGED, path=path) == 0
    )
    expected = "has the classes ground, ball, box; the data have ground, ball, cube"
    assert expected in last_line(capsys)


def test_placeholder_names_of_converted_weights_are_not_compared(run):
    spec = read_spec(run)
    path = run / "dataset.json"
    named = dataclasses.replace(spec, classes=("a", "b", "c"))
    unnamed = {
        **json.loads(path.read_text()),
        "classes": ["class 0", "class 1", "class 2"],
    }
    path.write_text(json.dumps(unnamed))
    assert source_spec(named, run) == (named, [])


def test_a_warning_about_all_splits_is_logged_once(run, tmp_path, caplog):
    """Both splits are opened before the stored classifier is found to be too small."""
    path = photos(tmp_path / "photos", OTHER_CLASSES["one more"])
    source = f"--train.init-from={run}"
    assert start(tmp_path / "new", source, path=path) == 1
    assert caplog.text.count("has no mask with a pixel of tree") == 1


@pytest.mark.slow
def test_another_number_of_classes_names_the_remedy_that_works(run, tmp_path, capsys):
    path = photos(tmp_path / "photos", OTHER_CLASSES["one more"])
    source = f"--train.init-from={run}"
    assert start(tmp_path / "new", source, *UNCHANGED, path=path) == 1
    message = last_line(capsys)
    assert (
        "classifier/kernel is stored as (1, 1, 4, 3) but needs (1, 1, 4, 4)" in message
    )
    remedy = re.search(r"add (--train.init-fresh) '(.*)'\n", message)
    assert remedy[2] == "classifier/.*" and not (tmp_path / "new").exists()
    more = (source, remedy[1], remedy[2], *UNCHANGED)
    assert start(tmp_path / "new", *more, path=path) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--train.init-fresh", "nothing/.*"), "train.init_fresh='nothing/.*' is inv"),
        (("--model.options.width=6",), "Choose a run of the same network."),
    ],
)
def test_what_does_not_fit_is_refused(run, tmp_path, capsys, more, message):
    assert start(tmp_path / "new", f"--train.init-from={run}", *more) == 1
    assert message in last_line(capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_of_two_jobs_that_start_at_once_one_trains(forks, tmp_path):
    """Two processes; the records are those of one run."""
    where = (f"--workdir={tmp_path / 'run'}", f"--data.raw-dir={PHOTOS}")
    jobs = [forks.start("train", *where, *SMALL, "--train.steps=40") for _ in range(2)]
    printed = [job.communicate(timeout=300)[0] for job in jobs]
    lost, won = sorted(range(2), key=lambda i: -jobs[i].returncode)
    assert [jobs[lost].returncode, jobs[won].returncode] == [1, 0], printed
    holder = f"is in use by process {jobs[won].pid} on {socket.gethostname()}"
    assert holder in printed[lost]
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    rows = [(row["step"], row["kind"]) for row in map(json.loads, text.splitlines())]
    assert len(rows) == len(set(rows)) and rows == sorted(rows, key=lambda r: r[0])
