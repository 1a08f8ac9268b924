"""`jaxseg train` on other devices from start to start: the same run goes on."""

import numpy as np
import pytest

from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.training.run.metric_reader import read_metrics

STARTS = (  # each goes on where the one before stopped
    ("--devices=4", "--train.spatial-shards", "2", "--train.shard=fsdp"),
    ("--devices=1",),
    ("--devices=4", "--train.spatial-shards", "2", "2"),
)
FIXED = (
    "--optim.schedule=constant",
    "--model.options.width=16",
    "--model.options.depth=1",
    "--train.log-every=1",
    "--train.num-overlays=0",
    "--train.seed=2",
)


@pytest.mark.slow
def test_a_run_goes_on_on_any_mesh(tiny, tmp_path):
    for steps, where in enumerate(STARTS, start=1):
        options = (*FIXED, *where, f"--train.steps={steps}")
        if "--train.shard=fsdp" not in where:  # what a file would keep is given anew
            options += ("--train.shard=none",)
        if "--train.spatial-shards" not in where:
            options += ("--train.spatial-shards", "1")
        options += (f"--train.eval-every={3 * (steps == len(STARTS))}",)  # at the end
        assert main(tiny(tmp_path / "moved", *options)) == 0
    alone = (*FIXED, "--devices=1", f"--train.steps={len(STARTS)}")
    assert main(tiny(tmp_path / "alone", *alone)) == 0
    moved, stayed = (
        read_metrics(tmp_path / name, "train") for name in ("moved", "alone")
    )
    assert [row["step"] for row in moved] == [1, 2, 3]
    for row, want in zip(moved, stayed, strict=True):
        np.testing.assert_allclose(row["loss"], want["loss"], rtol=1e-5)
        # Where two values of a max pool nearly tie, rounding can send the gradient the
        # other way: seed 0 moves this norm by 2e-4, and seeds 2 and 3 by 2e-7.
        np.testing.assert_allclose(row["grad_norm"], want["grad_norm"], rtol=1e-3)
    scores = [read_metrics(tmp_path / n, "eval")[-1] for n in ("moved", "alone")]
    assert scores[0]["pixels"] == scores[1]["pixels"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--train.spatial-shards", "3"), "train.spatial_shards=3 is .* divides 8"),
        (
            ("--train.spatial-shards", "0"),
            "^train.spatial_shards=0 is invalid: expected a whole number from 1",
        ),
        (
            ("--train.spatial-shards", "4", "4"),
            r"train.spatial_shards=\(4, 4\) is .* divides 8",
        ),
        (
            ("--train.spatial-shards", "8", "--data.crop", "36", "48"),
            "divides 36, the height .* found 8",
        ),
        (
            ("--train.spatial-shards", "1", "4", "--data.crop", "32", "46"),
            "divides 46, the width .* found 4",
        ),
        (
            ("--train.spatial-shards", "2", "--train.batch-size=6"),
            "4, .* groups of 2 devices",
        ),
        (
            ("--train.spatial-shards", "5", "--devices=5", "--data.crop", "40", "48"),
            "divides the padded height 96, found 5. Pad .* --data.eval-multiple 5",
        ),
        (
            ("--train.parallel-backend=pmap", "--train.spatial-shards", "2"),
            "^train.spatial_shards=2 is .* 1 with train.parallel_backend='pmap'",
        ),
        (
            ("--train.parallel-backend=pmap", "--train.shard=fsdp"),
            "^train.shard='fsdp' is .*'none' with train.parallel",
        ),
    ],
)
def test_what_cannot_be_divided_is_named(tiny, tmp_path, options, message):
    arguments = train.parse(tiny(tmp_path, "--train.batch-size=8", *options)[1:])
    with pytest.raises(ValueError, match=message):
        train.execute(arguments.run, tmp_path, count=arguments.devices)
