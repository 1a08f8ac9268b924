"""A local run directory is copied to a bucket in memory, and opened from there."""

import shutil
import threading
import time

import pytest

from jaxseg.runs.remote import mirror, reading, staging, steps, training, writing
from jaxseg.storage.retrying import StorageError

URL = "gs://bucket/runs/one"


@pytest.fixture(autouse=True)
def bucket(memory, monkeypatch, tmp_path):
    """The bucket, which every address opens."""
    for module in (training, reading, writing):
        monkeypatch.setattr(module, "open_bucket", lambda option, address: memory)
    monkeypatch.setenv(staging.VARIABLE, str(tmp_path / "copies"))
    return memory


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_run_is_copied_and_opened_again(bucket):
    order, put = [], bucket.write
    bucket.write = lambda name, data: (order.append(name), put(name, data))
    with training.owned_run(URL) as run:
        write(run.folder, config_json="{}", metrics_jsonl="1\n", overlays__1__a_png="a")
        write(
            run.folder, ckpt__2__meta="2", ckpt__2__state__d="d", wandb__log="", _x=""
        )
        run.copy()
        assert steps.newest_step(bucket) == 2
        assert order.index("metrics.jsonl") < order.index("ckpt/2/commit.json")
        sent = [
            name for name in bucket.sizes() if not name.startswith(("ckpt", "lock"))
        ]
        assert sent == ["config.json", "metrics.jsonl", "overlays/1/a.png"]
        shutil.rmtree(run.folder / "ckpt" / "2")
        write(run.folder, metrics_jsonl="1\n2\n", ckpt__4__meta="4")
    assert list(steps.committed(bucket)) == [4]
    with reading.read_run("workdir", URL) as (folder, _):
        assert (folder / "metrics.jsonl").read_text() == "1\n2\n"
        assert (folder / "ckpt" / "4" / "meta").read_text() == "4"
    write(run.folder, config_json="changed", old_txt="", ckpt__6__meta="6")
    with training.owned_run(URL) as again:
        assert again.folder == run.folder
        assert (run.folder / "config.json").read_text() == "{}"
        assert not (run.folder / "old.txt").exists()
        assert [p.name for p in (run.folder / "ckpt").iterdir()] == ["4"]


def test_two_processes_use_one_run(bucket):
    """The second one waits for the lock, and for every upload of a checkpoint."""
    meetings, seen = threading.Barrier(2, timeout=10), []
    meet = lambda place: meetings.wait()

    def follow():
        with training.owned_run(URL, training.Member(1, meet)) as run:
            seen.append(run.folder)
            write(run.folder, metrics_jsonl="never uploaded", ckpt__3__meta="3")
            run.check()
            run.copy()
            seen.append(list(steps.committed(bucket)))

    follower = threading.Thread(target=follow)
    follower.start()
    with training.owned_run(URL, training.Member(0, meet)) as run:
        write(run.folder, ckpt__2__meta="2", config_json="{}")
        run.copy()
    follower.join()
    assert seen[0] != run.folder and seen[1] == [2]
    assert bucket.read("metrics.jsonl") is None and list(steps.committed(bucket)) == [2]


def test_changes_before_an_error_are_copied(bucket):
    with pytest.raises(KeyError), training.owned_run(URL) as run:
        write(run.folder, config_json="{}")
        raise KeyError
    assert bucket.read("config.json") == b"{}"
    with training.owned_run(URL):  # The lock was released.
        pass


def test_a_failing_copy_ends_the_run(bucket, monkeypatch):
    monkeypatch.setattr(mirror, "PERIOD", 0.01)

    def fail(name, path):
        raise StorageError("the bucket is full")

    bucket.upload = fail
    with pytest.raises(StorageError, match="full"), training.owned_run(URL) as run:
        write(run.folder, config_json="{}")
        for _ in range(500):
            time.sleep(0.01)
            run.check()


def test_commands_store_their_files_in_the_run(bucket):
    bucket.write("config.json", b"{}")
    with reading.updated_run("workdir", URL) as (folder, stored):
        write(folder, report_html="<p>")
    assert stored == [f"{URL}/report.html"] and bucket.read("report.html") == b"<p>"
    assert reading.local_run("workdir", "runs/x/") == "runs/x/"
    assert reading.local_run("workdir", URL) == str(folder)


def test_a_follower_receives_new_steps(bucket, monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "PAUSE", 0.01)
    bucket.write("config.json", b"{}")
    write(tmp_path, step__meta="2")
    with reading.followed_run("workdir", URL) as (folder, _):
        steps.upload_step(bucket, 2, tmp_path / "step")
        place, end = folder / "ckpt" / "2" / "meta", time.monotonic() + 10
        while not place.exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert place.read_text() == "2"


def test_a_converted_run_needs_an_empty_address(bucket):
    with writing.written_run("output", URL) as folder:
        write(folder, config_json="{}", ckpt__0__meta="0")
    assert reading.newest_step(URL) == 0 and list(steps.committed(bucket)) == [0]
    with (
        pytest.raises(
            ValueError, match="expected an address under which no file exists"
        ),
        writing.written_run("output", URL),
    ):
        pass
    with reading.previewed_run("gs://bucket/runs/one") as folder:
        assert (folder / "config.json").read_text() == "{}"


def test_an_address_without_a_run_is_refused(bucket):
    with (
        pytest.raises(ValueError, match=r"one/config.json is missing"),
        reading.read_run("workdir", URL),
    ):
        pass
    assert reading.stored_config(URL) is None
