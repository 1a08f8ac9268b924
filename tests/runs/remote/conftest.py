"""Storage servers on this machine, and a run of a few seconds."""

import shutil

import fsspec
import pytest

from jaxseg.cli.main import main
from jaxseg.runs.remote import staging
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import Bucket
from jaxseg.storage.retrying import Patience
from tests.runs.remote import servers

TINY = (
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--data.train-split=train[:8]", "--data.eval-split=validation[:2]",
    "--data.crop", "32", "48", "--devices=1",
    "--train.batch-size=4", "--train.eval-batch-size=2",
    "--train.steps=6", "--train.log-every=1", "--train.eval-every=4",
    "--train.save-every=2", "--train.num-overlays=1", "--train.report-images=0",
)  # fmt: skip


@pytest.fixture
def memory(request):
    """A folder in a bucket that is kept in memory."""
    files = fsspec.filesystem("memory", skip_instance_cache=True)
    files.store.clear()
    address = parse_address("workdir", "gs://bucket/runs/one")
    yield Bucket(address, files, patience=Patience(0.3, first=0.01, most=0.05))
    files.store.clear()


@pytest.fixture(scope="session")
def faults():
    """What happens to the requests that the servers receive."""
    return servers.Faults()


@pytest.fixture(scope="session")
def gcs_server(faults):
    """The address of a Google-storage emulator."""
    for name in ("gcsfs", "gcp_storage_emulator"):
        pytest.importorskip(name)
    with servers.google_storage(faults) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3_server(faults):
    """The address of an S3 server."""
    for name in ("s3fs", "moto.server", "boto3"):
        pytest.importorskip(name)
    with servers.amazon_storage(faults) as endpoint:
        yield endpoint


@pytest.fixture
def scheme(request, faults, monkeypatch, tmp_path):
    """Selects a server, "gs" unless a test is parametrized, for this test."""
    scheme = getattr(request, "param", "gs")
    faults.__init__()
    monkeypatch.setenv(staging.VARIABLE, str(tmp_path / "copies"))
    if scheme == "gs":
        endpoint = request.getfixturevalue("gcs_server")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_server"))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "key")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield scheme
    faults.__init__()


@pytest.fixture
def new_host(tmp_path):
    """`new_host()` deletes the local copies of all runs."""
    return lambda: shutil.rmtree(tmp_path / "copies", ignore_errors=True)


@pytest.fixture(scope="session")
def tiny(drawn_data):
    """`tiny(workdir, *more) -> arguments` of a training run of a few seconds."""

    def arguments(workdir, *more):
        where = (f"--workdir={workdir}", f"--data.prepared-dir={drawn_data}")
        return ["train", *where, *TINY, *more]

    return arguments


@pytest.fixture(scope="session")
def local_run(tiny, tmp_path_factory):
    """The directory of an undisturbed run on a local disk; read only."""
    folder = tmp_path_factory.mktemp("local") / "run"
    assert main(tiny(folder)) == 0
    return folder
