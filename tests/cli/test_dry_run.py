"""`jaxseg train --dry-run`: what it prints, and that it writes nothing."""

import re

import numpy as np

from jaxseg.cli.dry_run import batch_lines
from jaxseg.cli.main import main
from jaxseg.config import DataConfig
from jaxseg.data.opening import open_source
from jaxseg.data.spec import DatasetSpec


def test_the_run_directory_and_the_data_stay_as_they_are(
    tiny, data_dir, tmp_path, capsys
):
    files = lambda: {
        p: p.stat().st_mtime_ns for p in data_dir.rglob("*") if p.is_file()
    }
    stored = DataConfig(prepared_dir=str(data_dir))
    for split in ("train", "validation"):
        open_source(stored, split)  # A dry run prepares data that are not stored yet.
    before = files()
    workdir = tmp_path / "run"
    assert main([*tiny(workdir), "--dry-run", "--devices=1"]) == 0
    text = capsys.readouterr().out
    assert not list(tmp_path.iterdir()) and files() == before
    assert "batch: image uint8 [4, 32, 48, 3]" in text
    assert "steps: 6 of 4 examples, which are 1.2 epochs of 20 examples" in text
    assert re.search(r"memory of the compiled training step .*: [\d.]+ MiB", text)
    assert f"files would go to {workdir}" in text


def test_the_statistics_of_a_batch():
    spec = DatasetSpec("two", ("sky", "road"), ((0, 0, 0), (1, 1, 1)))
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[..., 1] = [[0, 4], [0, 4]]
    label = np.array([[[0, 1], [1, 255]]], np.uint8)
    lines = list(batch_lines({"image": image, "label": label}, spec))
    assert "pixels of the batch, per channel: mean 0 2 0; std 0 2 0" in lines
    assert "classes of the batch: sky 33.3 %, road 66.7 %" in lines
    assert lines[-1] == "ignored pixels of the batch: 25.0 %"
