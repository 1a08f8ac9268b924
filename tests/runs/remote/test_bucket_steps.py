"""Checkpoints in a bucket: a step exists when its commit does."""

import dataclasses
import json
import shutil

import pytest

from jaxseg.runs.remote import download, steps


@pytest.fixture
def step(tmp_path):
    folder = tmp_path / "made" / "2"
    (folder / "state" / "d").mkdir(parents=True)
    (folder / "state" / "d" / "array").write_bytes(bytes(range(256)) * 40)
    (folder / "meta").write_text("{}")
    return folder


def contents(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_a_step_comes_back_as_it_was(memory, step, tmp_path):
    commit = steps.upload_step(memory, 2, step)
    assert steps.committed(memory) == {2: commit} and steps.newest_step(memory) == 2
    assert steps.download_step(memory, commit, tmp_path / "2")
    assert contents(tmp_path / "2") == contents(step)
    steps.delete_step(memory, 2)
    assert memory.sizes() == {}


@pytest.mark.parametrize("stop", ["first file", "before the commit"])
def test_a_stopped_upload_leaves_the_earlier_one(memory, step, stop):
    first = steps.upload_step(memory, 2, step)
    (step / "meta").write_text('{"scores": 1}')
    upload, write = memory.upload, memory.write

    def die(*arguments):
        raise KeyboardInterrupt

    memory.upload = upload if stop == "before the commit" else die
    memory.write = die
    with pytest.raises(KeyboardInterrupt):
        steps.upload_step(memory, 2, step)
    memory.upload, memory.write = upload, write
    assert steps.committed(memory) == {2: first}
    left = steps.sweep(memory)
    assert len(left) == (2 if stop == "before the commit" else 0)
    assert len(memory.sizes()) == 3
    second = steps.upload_step(memory, 2, step)
    assert steps.committed(memory) == {2: second} != {2: first}
    assert len(memory.sizes()) == 3  # the files of the first upload are deleted


def test_a_file_that_was_cut_is_not_committed(memory, step):
    upload = memory.upload

    def cut(name, path):
        if path.name == "meta":
            path.write_text("{")
        upload(name, path)

    memory.upload = cut
    with pytest.raises(OSError, match=r"meta was not stored: expected 2 bytes, .* 1\."):
        steps.upload_step(memory, 2, step)
    assert steps.newest_step(memory) is None


def test_damage_in_the_bucket_is_named(memory, step, tmp_path):
    commit = steps.upload_step(memory, 2, step)
    memory.write(f"{commit.folder}/meta", b"[]")
    with pytest.raises(OSError, match=r"ckpt/2/.*/meta is damaged: expected 2 bytes"):
        steps.download_step(memory, commit, tmp_path / "2")
    assert not (tmp_path / "2").exists()
    memory.write("ckpt/2/commit.json", b"{")
    with pytest.raises(OSError, match=r"ckpt/2/commit.json is damaged.*Delete"):
        steps.committed(memory)


def test_names_cannot_leave_the_folder(memory, step, tmp_path):
    commit = steps.upload_step(memory, 2, step)
    commit.files["../../evil"] = commit.files["meta"]
    name = "ckpt/2/commit.json"
    memory.write(name, json.dumps(dataclasses.asdict(commit)).encode())
    with pytest.raises(OSError, match=r"'../../evil' cannot be downloaded"):
        steps.download_step(memory, commit, tmp_path / "a" / "b" / "2")
    assert not list(tmp_path.rglob("evil"))


def test_a_step_that_is_deleted_meanwhile_is_skipped(memory, step, tmp_path):
    commit = steps.upload_step(memory, 2, step)
    steps.delete_step(memory, 2)
    assert not steps.download_step(memory, commit, tmp_path / "2")


def test_only_changed_steps_are_downloaded(memory, step, tmp_path):
    first = steps.upload_step(memory, 2, step)
    folder, fetched, read = tmp_path / "copy", [], memory.download
    meta = folder / "ckpt" / "2" / "meta"
    folder.mkdir()
    memory.download = lambda name, path: (fetched.append(name), read(name, path))

    def download_again(*, remove=True):
        fetched.clear()
        found = download.download_steps(memory, folder, remove=remove)
        return {step: commit for step, (commit, _) in found.items()}, len(fetched)

    assert download_again() == ({2: first}, 2)
    assert download_again() == ({2: first}, 0)
    shutil.rmtree(meta.parent)  # The run has deleted the step and was killed.
    assert download_again() == ({2: first}, 2)
    shutil.rmtree(meta.parent)  # The run has saved the step again and was killed.
    shutil.copytree(step, meta.parent)
    meta.write_text("[]")
    assert download_again(remove=False) == ({}, 0) and meta.read_text() == "[]"
    assert download_again() == ({2: first}, 2) and meta.read_text() == "{}"
    second = steps.upload_step(memory, 2, step)
    assert download_again(remove=False) == ({2: first}, 0)
    assert download_again() == ({2: second}, 2)
    steps.delete_step(memory, 2)
    assert download_again() == ({}, 0) and not meta.parent.exists()


def test_records_replace_those_of_earlier_runs(memory, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "picture").touch()
    (tmp_path / "notes").touch()
    memory.write("config.json", b"{}")
    memory.write("metrics.jsonl", b"1\n")
    memory.write("metrics.jsonl.at000000000002", b"2\n")
    memory.write("overlays/1.png", b"")
    memory.write("events.out.tfevents.1", b"")
    found = download.download_records(memory, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "metrics.jsonl"}
    assert (tmp_path / "metrics.jsonl").read_bytes() == b"1\n2\n"
    assert found["metrics.jsonl"] == {0: b"1\n", 2: b"2\n"}
    shutil.rmtree(tmp_path)
