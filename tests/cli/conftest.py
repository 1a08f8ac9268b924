"""A small network on a few drawn scenes, prepared once for all tests."""

import pytest

from jaxseg.cli.main import main

TINY = (
    "--model.name=unet",
    "--model.options.width=4",
    "--model.options.depth=2",
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
    """A finished run's work directory; read only."""
    workdir = tmp_path_factory.mktemp("trained")
    assert main(tiny(workdir, "--devices=2", "--train.report-images=3")) == 0
    return workdir
