"""Two processes train a run in a bucket, also after one of them was killed."""

import os
import shutil
import signal
import socket
import time

import pytest

from jaxseg.checkpoints.steps import steps_in
from jaxseg.config import DataConfig
from jaxseg.data import bucket_copy, open_source
from jaxseg.runs.remote import staging, steps
from jaxseg.runs.remote.reading import read_run
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import open_bucket
from tests.faults.forks import Forks
from tests.runs.remote.test_bucket_runs import arrays, metrics

pytestmark = pytest.mark.slow
STEPS = 16
URL = "gs://bucket/pairs/{}"
ARGUMENTS = (
    "train",
    "--model.name=unet", "--model.options.width=8", "--model.options.depth=1",
    "--data.train-split=train[:24]", "--data.eval-split=validation[:6]",
    "--data.crop", "32", "48", "--data.prepared-dir=gs://bucket/data",
    "--train.batch-size=8", "--train.eval-batch-size=4", "--train.ema=0.9",
    "--train.shard=fsdp", f"--train.steps={STEPS}", "--train.log-every=1",
    "--train.eval-every=8", "--train.save-every=2", "--train.max-to-keep=20",
    "--train.num-overlays=1", "--train.report-images=0",
)  # fmt: skip
LOST = 5  # exit status


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """The folder of the local copies that the processes of the runs make."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def launch(gcs_server, hosts):
    """`launch(name)` starts two processes of two devices that train in a bucket."""
    environment = {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(hosts / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "STORAGE_EMULATOR_HOST": gcs_server,
        staging.VARIABLE: str(hosts / "runs"),
        bucket_copy.VARIABLE: str(hosts / "data"),
    }
    forks = Forks(os.environ | environment, hosts)

    def start(name, *, second=()):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        words = [*ARGUMENTS, f"--workdir={URL.format(name)}", "--process-id=0"]
        words += [f"--coordinator=localhost:{port}", "--processes=2"]
        both = (words, [*words, *second, "--process-id=1"])
        return [forks.start(*words, devices=2) for words in both]

    yield start
    forks.close()


def records(folder):
    """The records without the times of the processes."""
    return [row for row in metrics(folder) if row["kind"] != "hosts"]


def finish(runs, statuses=(0, 0)):
    try:
        texts = [run.communicate(timeout=900)[0] for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == list(statuses), "\n".join(texts)
    return texts


def wait_for_commit(bucket, runs, after=0):
    """Waits until the bucket contains a checkpoint after a step; returns its step."""
    end = time.monotonic() + 900
    while (step := steps.newest_step(bucket) or 0) <= after:
        if time.monotonic() > end or any(run.poll() is not None for run in runs):
            pytest.fail("\n".join(finish(runs)))
        time.sleep(0.02)
    return step


@pytest.fixture(scope="module")
def data(gcs_server, launch, drawn_data):
    """Uploads the prepared data of the runs to the bucket; returns their file names."""
    open_source(DataConfig(prepared_dir=str(drawn_data)), "train[:1]")
    with pytest.MonkeyPatch.context() as there:
        there.setenv("STORAGE_EMULATOR_HOST", gcs_server)
        bucket = open_bucket("data", parse_address("data", "gs://bucket/data"))
        paths = [path for path in drawn_data.rglob("*") if path.is_file()]
        for path in paths:
            bucket.upload(path.relative_to(drawn_data).as_posix(), path)
    return [path.name for path in paths]


@pytest.fixture(scope="module")
def undisturbed(launch, data, hosts):
    """The address of a run that nobody disturbs."""
    texts = finish(launch("undisturbed"))
    assert "mean IoU" in texts[0] and "mean IoU" not in texts[1]
    assert not any("contains no prepared data" in text for text in texts)
    copies = [path.name for path in (hosts / "data").rglob("*.array_record*")]
    assert sorted(copies) == sorted(name for name in data if ".array_record" in name)
    return URL.format("undisturbed")


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.sweep)])
def test_a_killed_and_restarted_pair_ends_with_the_same_result(
    scheme, launch, undisturbed, hosts, victim
):
    name = f"cut{victim}"
    bucket = open_bucket("workdir", parse_address("workdir", URL.format(name)))
    runs = launch(name)
    wait_for_commit(bucket, runs)
    runs[victim].kill()
    text, _ = runs[1 - victim].communicate(timeout=100)
    assert runs[1 - victim].returncode == LOST, text
    assert text.strip().endswith("to resume from the last checkpoint")
    runs[victim].communicate(timeout=100)
    shutil.rmtree(hosts / "runs")  # as on new hosts
    lost = steps.newest_step(bucket)

    runs = launch(name)
    wait_for_commit(bucket, runs, after=lost)
    runs[1].send_signal(signal.SIGTERM)
    texts = finish(runs, (143, 143))
    assert f"resuming at step {lost}" in texts[0]
    (step,) = {text.split("SIGTERM at step ")[1].split(";")[0] for text in texts}
    assert lost < int(step) == steps.newest_step(bucket)
    finish(launch(name))
    assert_equal_runs(undisturbed, URL.format(name))


def assert_equal_runs(*urls):
    with (
        read_run("workdir", urls[0]) as (one, _),
        read_run("workdir", urls[1]) as (other, _),
    ):
        assert steps_in(one / "ckpt")[-1] == STEPS
        for step in steps_in(one / "ckpt"):
            assert arrays(one, step) == arrays(other, step)
        assert records(one) == records(other)


def test_different_commands_are_refused(launch, data):
    texts = finish(launch("differ", second=("--train.seed=1",)), (1, 1))
    for text in texts:
        assert "the command of process 1 is invalid: expected the settings" in text
        assert "train.seed: 0 there, 1 here" in text
