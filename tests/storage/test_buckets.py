"""Addresses, repeated requests, and files that are stored as parts."""

import struct

import fsspec
import pytest

from jaxseg.storage import parts
from jaxseg.storage.address import Address, is_address, parse_address
from jaxseg.storage.bucket import Bucket, open_bucket, transfers
from jaxseg.storage.retrying import Patience, StorageError, retried
from jaxseg.training.run.event_writer import EventWriter

SHORT = Patience(0.2, first=0.01, most=0.02)
ADDRESS = Address("gs", "bucket", "runs/one")


@pytest.fixture
def files():
    """A file system in memory."""
    files = fsspec.filesystem("memory", skip_instance_cache=True)
    files.store.clear()
    yield files
    files.store.clear()


@pytest.fixture
def bucket(files):
    return Bucket(ADDRESS, files, patience=SHORT)


@pytest.mark.parametrize(
    "text",
    ["gs://", "gs://bucket", "gs://bucket/", "s3://UPPER/run", "gs://bucket/a//b",
     "gs://bucket/../run", "gs://bucket/run?x", "gs://bucket/a b", "gs:///run"],
)  # fmt: skip
def test_bad_addresses_are_refused(text):
    with pytest.raises(ValueError, match=r"^workdir='.*' is invalid: expected SCHEME"):
        parse_address("workdir", text)


def test_an_address_names_its_folder():
    address = parse_address("workdir", "s3://my-bucket/runs/a=1/")
    assert str(address) == "s3://my-bucket/runs/a=1" and address.name == "a=1"
    assert not is_address("runs/gs:/x") and not is_address("hf://owner/name")


def test_requests_are_repeated_until_they_succeed(files, bucket):
    left = [ConnectionError("reset")] * 3
    read = files.cat_file
    files.cat_file = lambda key: (
        read(key) if not left else (_ for _ in ()).throw(left.pop())
    )
    bucket.write("a", b"1")
    assert bucket.read("a") == b"1" and not left


def test_a_lasting_failure_is_one_line():
    def fail():
        raise ConnectionError("reset\nby peer")

    with pytest.raises(StorageError, match="attempts within 0 seconds") as caught:
        retried(fail, patience=SHORT)
    assert str(caught.value).endswith("the last one with ConnectionError: reset")


@pytest.mark.parametrize(
    ("error", "message"),
    [(PermissionError("no"), "access was denied .*gcloud auth"),
     (OSError("Forbidden: b/x"), "access was denied"),
     (ValueError("Bad Request"), "the request is not valid")],
)  # fmt: skip
def test_permanent_errors_are_not_repeated(files, bucket, error, message):
    calls = []

    def fail(*arguments, **options):
        calls.append(arguments)
        raise error

    files.pipe_file = fail
    with pytest.raises(
        StorageError, match=f"^gs://bucket/runs/one/a cannot.*{message}"
    ):
        bucket.write("a", b"")
    assert len(calls) == 1


def test_only_one_process_creates_an_object(files, bucket):
    assert bucket.create("a", b"mine") and not bucket.create("a", b"theirs")
    assert bucket.read("a") == b"mine"
    created = files.pipe_file

    def lose_the_answer(*arguments, **options):
        files.pipe_file = created
        created(*arguments, **options)
        raise ConnectionError("reset")

    files.pipe_file = lose_the_answer
    assert bucket.create("b", b"mine")  # the second attempt finds its own object


def test_objects_are_listed_and_deleted(bucket, tmp_path):
    bucket.write("a", b"12")
    bucket.write("x/y/b", b"123")
    (tmp_path / "c").write_bytes(b"4")
    bucket.upload("x/c", tmp_path / "c")
    assert bucket.sizes() == {"a": 2, "x/c": 1, "x/y/b": 3}
    assert bucket.sizes("x/y") == {"x/y/b": 3} and bucket.sizes("none") == {}
    bucket.delete(["a", "missing"])
    bucket.download("x/c", tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == b"4" and bucket.read("a") is None
    with pytest.raises(FileNotFoundError):
        bucket.upload("x/c", tmp_path / "missing")


def test_the_first_error_of_a_transfer_is_raised():
    done = []
    with pytest.raises(KeyError), transfers() as start:
        start({}.__getitem__, "missing")
        start(done.append, 1)


@pytest.mark.parametrize("scheme, extra", [("gs", "gcs"), ("s3", "s3")])
def test_a_missing_package_is_named(monkeypatch, scheme, extra):
    monkeypatch.setitem(__import__("sys").modules, f"{extra}fs", None)
    with pytest.raises(ValueError, match=rf"pip install 'jaxseg\[{extra}\]'"):
        open_bucket("workdir", Address(scheme, "bucket", "run"))


def test_lines_are_cut_at_their_ends(monkeypatch):
    monkeypatch.setattr(parts, "PART", 10)
    lines = b"".join(b"%d\n" % i for i in range(100, 140))
    whole = parts.cut("metrics.jsonl", lines)
    assert len(whole) == 14 and set(map(len, whole.values())) == {12, 4}
    assert parts.join(whole) == lines
    assert parts.cut("metrics.jsonl", lines[:-2]) == parts.cut(
        "metrics.jsonl", lines[:-4]
    )
    grown = parts.cut("metrics.jsonl", lines + b"999\n")
    assert {k: v for k, v in grown.items() if v != whole.get(k)} == {156: b"139\n999\n"}


def test_a_part_of_events_is_an_event_file(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART", 200)
    writer = EventWriter(tmp_path, purge_step=1)
    for step in range(20):
        writer.add_scalar("loss", 0.5, step)
    writer.close()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    found = parts.cut(path.name, content + b"\x30")
    assert parts.grows(path.name) and len(found) > 3
    assert parts.join(found) == content
    for part in found.values():
        place = 0
        while place < len(part):
            place += struct.unpack_from("<Q", part, place)[0] + 16
        assert place == len(part)


def test_a_growing_file_is_copied_in_parts(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART", 4)
    path, written = tmp_path / "m.jsonl", []
    write = bucket.write
    bucket.write = lambda name, data: (written.append(name), write(name, data))
    file = parts.GrowingFile(bucket, "m.jsonl")
    path.write_bytes(b"123\n456\n78\n9")
    file.copy(path)
    assert bucket.sizes() == {
        "m.jsonl": 4, "m.jsonl.at000000000004": 4, "m.jsonl.at000000000008": 3,
    }  # fmt: skip
    path.write_bytes(b"123\n456\n78\n90\n")
    file.copy(path)
    assert written[3:] == ["m.jsonl.at000000000008"]
    path.write_bytes(b"123\n")  # A resumed run removes later lines.
    file.copy(path)
    assert bucket.sizes() == {"m.jsonl": 4}
    assert parts.file_of_part("m.jsonl.at000000000008") == ("m.jsonl", 8)


def test_parts_that_do_not_follow_are_left_out():
    assert parts.join({0: b"ab", 2: b"cd", 5: b"e"}) == b"abcd"
