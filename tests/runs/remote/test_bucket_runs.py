"""Runs in buckets of real servers: training, faults, resuming, reading."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.reading import read_everything
from jaxseg.checkpoints.steps import resolve, steps_in
from jaxseg.cli.main import main
from jaxseg.data import bucket_copy
from jaxseg.runs.remote.reading import read_run
from jaxseg.storage import process
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import Bucket, open_bucket
from jaxseg.storage.retrying import StorageError
from jaxseg.training.run.meter import CLOCKS
from jaxseg.training.run.metric_reader import read_metrics

pytestmark = pytest.mark.slow
URL = "{}://bucket/runs/{}"
ACTIONS = ("read", "write", "create", "upload", "download", "sizes", "delete")
KILLS = (  # the first request that does not reach the bucket: its kind and its name
    ("upload", "ckpt/2/", 1),  # before the first checkpoint
    ("upload", "ckpt/4/", 4),  # in the middle of an upload
    ("write", "ckpt/6/commit.json", 1),  # before a commit
    ("delete", "['ckpt/2/commit.json']", 1),  # after the last step, before a deletion
)


def arrays(folder, step):
    tree = read_everything((folder / "ckpt" / str(step)).absolute())
    data = lambda x: (
        jax.random.key_data(x)
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        else x
    )
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(k): np.asarray(data(v)).tobytes() for k, v in flat}


def metrics(folder):
    rows = read_metrics(folder)
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in rows]


def assert_equal_runs(url, local):
    """Compares a run in a bucket with one on the disk, bit for bit."""
    with read_run("workdir", url) as (folder, _):
        assert steps_in(folder / "ckpt") == steps_in(local / "ckpt")
        for step in steps_in(local / "ckpt"):
            assert arrays(folder, step) == arrays(local, step)
        assert metrics(folder) == metrics(local)
        for name in ("config.json", "dataset.json"):
            assert (folder / name).read_bytes() == (local / name).read_bytes()


def logged_steps(url):
    """The steps of the losses in the event files of a run, as TensorBoard reads them."""
    from tensorboardX.proto.event_pb2 import Event

    bucket, found = open_bucket("workdir", parse_address("workdir", url)), []
    for name in bucket.sizes():
        if name.startswith("events.out.tfevents"):
            events = map(Event.FromString, records(bucket.read(name)))
            found += [
                (event.step, value.tag)
                for event in events
                for value in event.summary.value
            ]
    return [step for step, tag in found if tag == "train/loss"]


def records(data):
    """The records of an event file, without the checksums around them."""
    while data:
        size = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + size]
        data = data[16 + size :]


def test_a_run_in_a_bucket_equals_a_local_one(
    scheme, tiny, local_run, new_host, drawn_data, tmp_path, capsys
):
    url = URL.format(scheme, "equal")
    assert main(tiny(url)) == 0, capsys.readouterr().err
    assert f"best checkpoint: {url}/ckpt/" in capsys.readouterr().out
    new_host()
    assert_equal_runs(url, local_run)
    names = open_bucket("workdir", parse_address("workdir", url)).sizes()
    tops = {name.partition("/")[0] for name in names}
    local = {path.name for path in local_run.iterdir()}
    events = lambda found: {n for n in found if n.startswith("events")}
    assert tops - events(tops) == local - events(local) | {"lock"}
    assert events(tops) and any(name.startswith("overlays/00000006/") for name in names)
    assert logged_steps(url) == [1, 2, 3, 4, 5, 6]

    weights, data = tmp_path / "w.safetensors", f"--data.prepared-dir={drawn_data}"
    assert main(["eval", url, data, "--devices=1"]) == 0
    assert main(["convert", url, "-o", str(weights)]) == 0 and weights.exists()
    assert main(["report", url, "--images=0"]) == 0
    assert f"stored: {url}/report.html" in capsys.readouterr().out
    copy = URL.format(scheme, "converted")
    assert main(["convert", url, "-o", copy]) == 0
    assert f"written     {copy}\n" in capsys.readouterr().out
    assert main(["convert", url, "-o", f"{copy}.npz"]) == 1
    assert "expected the address of a run directory" in capsys.readouterr().err
    started = URL.format(scheme, "started")
    words = (f"--train.init-from={copy}", "--train.steps=1", "--optim.learning-rate=0")
    assert main(tiny(started, *words)) == 0
    with read_run("x", url) as (one, _), read_run("x", started) as (other, _):
        best = resolve(one / "ckpt", "best")
        first, last = arrays(one, best), arrays(other, 1)
        names = [name for name in last if name.startswith("['params']")]
        assert names and all(first[name] == last[name] for name in names)
    masks, picture = tmp_path / "masks", tmp_path / "picture.png"
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(picture)
    assert main(["predict", str(picture), "-o", str(masks), "--workdir", url]) == 0
    assert (masks / "picture.png").exists()
    assert main(["eval", f"{url}x", data]) == 1
    assert "config.json is missing" in capsys.readouterr().err
    assert main(["predict", "x.png", "-o", url, "--workdir", url]) == 1
    assert "expected a local path" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["gs", "s3"], indirect=True)
def test_every_byte_is_stored(scheme, tmp_path):
    """A multipart message of gcsfs loses a carriage return at the end."""
    bucket = open_bucket("x", parse_address("x", URL.format(scheme, "bytes")))
    file = tmp_path / "file"
    for content in (b"a\r", b"\r", b"", b"a\n", b"a\r\n", b"\r\n--==0==--\r"):
        file.write_bytes(content)
        bucket.write("written", content)
        bucket.upload("uploaded", file)
        assert bucket.read("written") == bucket.read("uploaded") == content


@pytest.mark.parametrize("scheme", ["s3"], indirect=True)
def test_data_and_run_can_be_in_s3(
    scheme, tiny, local_run, drawn_data, tmp_path, monkeypatch
):
    monkeypatch.setenv(bucket_copy.VARIABLE, str(tmp_path / "data"))
    data = open_bucket("data", parse_address("data", "s3://bucket/data"))
    for path in drawn_data.rglob("*"):
        if path.is_file():
            data.upload(path.relative_to(drawn_data).as_posix(), path)
    url = URL.format(scheme, "equal")
    assert main(tiny(url, "--data.prepared-dir=s3://bucket/data")) == 0
    copies = {path.name for path in (tmp_path / "data").rglob("*.array_record*")}
    assert copies == {path.name for path in drawn_data.rglob("*.array_record*")}
    with read_run("workdir", url) as (folder, _):
        assert metrics(folder) == metrics(local_run)
        assert arrays(folder, 6) == arrays(local_run, 6)


def test_a_run_that_is_killed_four_times_ends_with_the_same_result(
    scheme, tiny, local_run, new_host, monkeypatch, capsys
):
    url = URL.format(scheme, "killed")
    monkeypatch.setattr(process.Owner, "alive", lambda self: False)
    for kind, begin, count in KILLS:
        with monkeypatch.context() as there:
            dead = die_at(there, kind, begin, count)
            assert main(tiny(url)) == 1
        assert dead and capsys.readouterr().err.strip().endswith("jaxseg: killed")
        new_host()
    assert main(tiny(url)) == 0
    assert_equal_runs(url, local_run)


def die_at(monkeypatch, kind, begin, count):
    """Lets no request reach a bucket from a certain one on, as if killed before it."""
    seen, dead = [], []

    def dying(action, call):
        def request(self, name="", *arguments):
            if action == kind and str(name).startswith(begin):
                seen.append(name)
                dead.extend(["dead"] * (len(seen) == count))
            if dead:
                raise StorageError("killed")
            return call(self, name, *arguments)

        return request

    for action in ACTIONS:
        monkeypatch.setattr(Bucket, action, dying(action, getattr(Bucket, action)))
    return dead


def test_slow_and_failing_storage_changes_nothing(
    scheme, faults, tiny, local_run, monkeypatch
):
    import gcsfs.retry

    sleep = gcsfs.retry.asyncio.sleep
    monkeypatch.setattr(gcsfs.retry.asyncio, "sleep", lambda s: sleep(min(s, 0.01)))
    faults.pause, faults.status = 0.005, lambda n: 503 if n % 5 == 2 else None
    url = URL.format(scheme, "flaky")
    assert main(tiny(url)) == 0
    assert_equal_runs(url, local_run)


def test_a_lasting_failure_ends_the_run_with_one_line(scheme, faults, tiny, capsys):
    faults.status = lambda n: 403 if n > 30 else None
    assert main(tiny(URL.format(scheme, "refused"))) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("jaxseg: gs://bucket/runs/refused/")
    assert "access was denied" in line


def test_a_missing_bucket_is_refused_before_the_data_are_opened(scheme, tiny, capsys):
    assert main(tiny("gs://missing/run", "--data.name=folder")) == 1
    assert "expected an existing bucket, but 'missing'" in capsys.readouterr().err
