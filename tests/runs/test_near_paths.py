"""Suggestions for paths that do not exist."""

from pathlib import Path

import pytest

from jaxseg.runs.near_paths import did_you_mean_path


@pytest.mark.parametrize(
    ("written", "suggested"),
    [
        ("rnus/baseline", "runs/baseline"),
        ("runs/baselin", "runs/baseline"),
        ("rusn/basline", "runs/baseline"),
        ("runs/other", ""),
        ("nothing/here", ""),
    ],
)
def test_every_part_of_a_path_can_be_mistyped(
    written, suggested, tmp_path, monkeypatch
):
    (tmp_path / "runs" / "baseline").mkdir(parents=True)
    (tmp_path / "runs" / "baselines.txt").touch()
    question = lambda path: f" Did you mean {str(path)!r}?" if suggested else ""
    absolute = did_you_mean_path(tmp_path / written, Path.is_dir)
    assert absolute == question(tmp_path / suggested)
    monkeypatch.chdir(tmp_path)
    assert did_you_mean_path(written, Path.is_dir) == question(suggested)
