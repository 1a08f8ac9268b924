"""`jaxseg eval --follow` evaluates the checkpoints of a run while it is trained."""

import pytest

from jaxseg.checkpoints.reading import DamagedCheckpoint
from jaxseg.cli.following import FOLLOWED, follow
from jaxseg.cli.main import main
from jaxseg.training.run.metric_reader import read_metrics, read_objects


def save(workdir, step):
    (workdir / "ckpt" / str(step) / "state").mkdir(parents=True)


def run(workdir, evaluate, steps=12, patience=60.0):
    return follow(workdir, evaluate, steps=steps, patience=patience, pause=0.0)


def test_checkpoints_that_appear_meanwhile_are_evaluated(tmp_path):
    save(tmp_path, 3)

    def evaluate(step):
        if step == 3:  # Two steps appear during the evaluation of the first one.
            save(tmp_path, 6)
            save(tmp_path, 9)
        if step == 9:
            save(tmp_path, 12)
        return {"step": step, "mean_iou": step / 100}

    assert run(tmp_path, evaluate) == [3, 9, 12]
    rows = read_objects(tmp_path / FOLLOWED)
    assert [row["mean_iou"] for row in rows] == [0.03, 0.09, 0.12]
    assert run(tmp_path, evaluate) == []  # Nothing is evaluated again.


def test_a_run_that_does_not_go_on_is_left(tmp_path):
    save(tmp_path, 3)
    assert run(tmp_path, lambda step: {"step": step}, patience=0.0) == [3]


def test_a_checkpoint_that_the_run_deletes_is_left_out(tmp_path):
    save(tmp_path, 3)

    def evaluate(step):
        folder = tmp_path / "ckpt" / str(step)
        if step == 3:
            save(tmp_path, 12)
            (folder / "state").rmdir()
            folder.rmdir()
            raise DamagedCheckpoint(folder, "no such file")
        return {"step": step}

    assert run(tmp_path, evaluate) == [12]


def test_a_damaged_checkpoint_is_an_error(tmp_path):
    save(tmp_path, 3)

    def evaluate(step):
        raise DamagedCheckpoint(tmp_path / "ckpt" / "3", "the digest differs")

    with pytest.raises(DamagedCheckpoint):
        run(tmp_path, evaluate)


def test_the_command_gives_the_scores_of_training(trained, tmp_path):
    output = tmp_path / "scores.jsonl"
    assert main(["eval", str(trained), "--follow", "0", "-o", str(output)]) == 0
    (row,) = read_objects(output)
    line = read_metrics(trained, "eval")[-1]
    assert (row["step"], row["mean_iou"]) == (line["step"], line["mean_iou"])


@pytest.mark.parametrize("option", ["--checkpoint=6", "--json"])
def test_options_that_contradict_it_are_refused(trained, capsys, option):
    assert main(["eval", str(trained), "--follow", "0", option]) == 1
    assert f"{option.split('=')[0]}" in capsys.readouterr().err
