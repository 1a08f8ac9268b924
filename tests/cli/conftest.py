"""A small network on a few drawn scenes, prepared and trained once for all tests."""

import fcntl
import os

import pytest

from jaxseg.cli.main import main

TINY = (
    "--model.name=unet",
    "--model.options.width=4",
    "--model.options.depth=1",
    "--data.train-split=train[:20]",
    "--data.eval-split=validation[:5]",
    "--data.crop", "32", "48",
    "--optim.learning-rate=0.001",
    "--train.batch-size=4",
    "--train.eval-batch-size=4",
    "--train.steps=6",
    "--train.log-every=2",
    "--train.eval-every=3",
    "--train.save-every=2",
    "--train.num-overlays=2", "--train.report-images=0",
)  # fmt: skip
AVERAGED = ("--devices=2", "--train.ema=0.9", "--train.num-overlays=0")


@pytest.fixture(scope="session")
def data_dir(drawn_data):
    """Where the drawn scenes are prepared."""
    return drawn_data


@pytest.fixture(scope="session")
def tiny(data_dir):
    """`tiny(workdir, *more) -> arguments` of a training run of a few seconds."""

    def arguments(workdir, *more):
        where = (f"--workdir={workdir}", f"--data.prepared-dir={data_dir}")
        return ["train", *where, *TINY, *more]

    return arguments


@pytest.fixture(scope="session")
def trained(tiny, tmp_path_factory):
    """The work directory of a finished run; read only.

    All workers share it: the first one trains, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    workdir, finished = base / "trained", base / "trained.finished"
    with (base / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            assert main(tiny(workdir, "--devices=2", "--train.report-images=3")) == 0
            finished.touch()
    return workdir


@pytest.fixture(scope="session")
def averaged(tiny, tmp_path_factory):
    """The work directory of a finished run with averaged weights; read only."""
    workdir = tmp_path_factory.mktemp("averaged")
    assert main(tiny(workdir, *AVERAGED)) == 0
    return workdir
