"""Prepared data in a bucket are copied to the local disk once per host."""

import threading

import fsspec
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import bucket_copy
from jaxseg.data.prepare import INFO, data_folder
from jaxseg.data.stored import write_list
from jaxseg.storage.bucket import Bucket

URL = "gs://bucket/data"
DATASET = "array_record/shapes/48x64/1.0.0"


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """The folder of all prepared data in a bucket in memory, with one dataset."""
    files = fsspec.filesystem("memory", skip_instance_cache=True)
    files.store.clear()
    address = bucket_copy.parse_address("data.prepared_dir", URL)
    made, opened = tmp_path / "made", Bucket(address, files)
    made.mkdir()
    (made / INFO).write_text("{}")
    (made / "part-0").write_bytes(b"12345")
    write_list(made)
    for path in made.iterdir():
        opened.upload(f"{DATASET}/{path.name}", path)
    monkeypatch.setattr(bucket_copy, "open_bucket", lambda option, address: opened)
    monkeypatch.setenv(bucket_copy.VARIABLE, str(tmp_path / "copies"))
    yield opened
    files.store.clear()


def test_processes_of_a_host_share_one_copy(bucket, tmp_path):
    root = data_folder(DataConfig(prepared_dir=URL))
    assert root == tmp_path / "copies" / "gs" / "bucket" / "data"
    fetched, read = [], bucket.download
    bucket.download = lambda name, path: (fetched.append(name), read(name, path))
    found = []
    target = root / DATASET
    call = lambda: found.append(bucket_copy.download(target, INFO))
    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 3 and len(fetched) == 3
    assert (target / "part-0").read_bytes() == b"12345"


def test_missing_data_are_prepared_here(bucket, caplog, tmp_path):
    root = data_folder(DataConfig(prepared_dir=URL))
    assert not bucket_copy.download(root / "array_record/other", INFO)
    assert "contains no prepared data" in caplog.text
    assert not bucket_copy.download(tmp_path / "plain" / "folder", INFO)


def test_damaged_data_are_refused(bucket):
    root = data_folder(DataConfig(prepared_dir=URL))
    bucket.write(f"{DATASET}/part-0", b"1234")
    with pytest.raises(ValueError, match=r"part-0 has changed .*Upload the data again"):
        bucket_copy.download(root / DATASET, INFO)
    assert not (root / DATASET).exists()
