"""Uploads the checkpoints of a run to a bucket, and downloads them.

The checkpoint of a training step is uploaded to `ckpt/STEP/UPLOAD/`, where UPLOAD is a
new random name. Finally, one request writes `ckpt/STEP/commit.json`, which names this
folder and lists all files with their sizes and SHA-256 digests. A checkpoint counts as
existing only if it has a `commit.json`. If a process is killed during an upload, the
checkpoint therefore does not exist, or still has the content of an earlier upload.
`sweep` deletes the incomplete files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from jaxseg.checkpoints.step_folders import step_number
from jaxseg.storage import atomic
from jaxseg.storage.bucket import Bucket, inside, transfers
from jaxseg.storage.json_file import parse_json
from jaxseg.storage.retrying import StorageError

FOLDER = "ckpt"
COMMIT = "commit.json"


@dataclasses.dataclass(frozen=True)
class Commit:
    """Lists the files of a checkpoint that was uploaded completely.

    Attributes:
      step: The number of the training step.
      upload: The name of the folder that contains the files.
      files: The size in bytes and the SHA-256 digest of each file, by its path.
    """

    step: int
    upload: str
    files: dict[str, list[Any]]

    @property
    def folder(self) -> str:
        """Returns the path of the folder with the files, "ckpt/STEP/UPLOAD".

        It is relative to the folder of the run in the bucket.
        """
        return f"{FOLDER}/{self.step}/{self.upload}"


def committed(bucket: Bucket) -> dict[int, Commit]:
    """Returns a dictionary from the step of each complete checkpoint to its `Commit`.

    The steps are in ascending order. A `Commit` lists the files of a checkpoint.
    """
    return _commits(bucket, bucket.sizes(FOLDER))


def newest_step(bucket: Bucket) -> int | None:
    """Returns the step of the newest complete checkpoint, or None if there is none."""
    return max(_commit_steps(bucket.sizes(FOLDER)), default=None)


def upload_step(bucket: Bucket, step: int, folder: Path) -> Commit:
    """Uploads a complete local checkpoint of a training step.

    An earlier upload of the same step stays valid until all files are uploaded.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      step: The number of the training step.
      folder: The local folder of the checkpoint.

    Returns:
      The `Commit`, which lists the files that were uploaded.

    Raises:
      FileNotFoundError: If the local folder is removed during the upload.
      StorageError: If the size of a stored file is not that of the local file.
    """
    paths = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    files = {name: _facts(path) for name, path in sorted(paths.items())}
    commit = Commit(step, uuid.uuid4().hex[:12], files)
    with transfers() as start:
        for name in files:
            start(bucket.upload, f"{commit.folder}/{name}", paths[name])
    stored = bucket.sizes(f"{FOLDER}/{step}")
    for name, (size, _) in files.items():
        found = stored.get(f"{commit.folder}/{name}")
        if found != size:
            raise StorageError(
                f"{bucket.address}/{commit.folder}/{name} was not stored: expected "
                f"{size} bytes, but the bucket contains {found or 0}."
            )
    record = json.dumps(dataclasses.asdict(commit), indent=1) + "\n"
    bucket.write(f"{FOLDER}/{step}/{COMMIT}", record.encode())
    _delete_others(bucket, commit, stored)
    return commit


def download_step(bucket: Bucket, commit: Commit, folder: Path) -> bool:
    """Downloads a checkpoint to a new local folder, and verifies every file.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      commit: The list of the files of the checkpoint.
      folder: The local folder, which appears when it is complete.

    Returns:
      Whether the local folder was created. The result is False if the checkpoint was
      deleted or replaced during the download.

    Raises:
      OSError: If the size or the digest of a file differs from that in the commit, or
        if a file cannot be downloaded.
    """
    try:
        with atomic.building(folder) as made:
            for name in commit.files:
                inside(made, name).parent.mkdir(parents=True, exist_ok=True)
            with transfers() as start:
                for name in commit.files:
                    start(bucket.download, f"{commit.folder}/{name}", made / name)
            for name, facts in commit.files.items():
                if _facts(made / name) != list(facts):
                    raise StorageError(
                        f"{bucket.address}/{commit.folder}/{name} is damaged: expected "
                        f"{facts[0]} bytes with the SHA-256 digest {facts[1]}. Delete "
                        "this checkpoint in the bucket to skip it."
                    )
    except OSError:
        if committed(bucket).get(commit.step) == commit:
            raise
        return False  # The run has deleted or replaced the step.
    return True


def delete_step(bucket: Bucket, step: int) -> None:
    """Deletes a checkpoint: first its `commit.json`, then all other files.

    If the process is killed in between, the checkpoint already counts as deleted.
    """
    bucket.delete([f"{FOLDER}/{step}/{COMMIT}"])
    bucket.delete(bucket.sizes(f"{FOLDER}/{step}"))


def sweep(bucket: Bucket) -> list[str]:
    """Deletes the files of uploads that were not completed, and returns their names.

    Only the owner of the run may call it.
    """
    names = bucket.sizes(FOLDER)
    commits = _commits(bucket, names)
    kept = tuple(f"{commit.folder}/" for commit in commits.values())
    marks = {f"{FOLDER}/{step}/{COMMIT}" for step in commits}
    left = [name for name in names if name not in marks and not name.startswith(kept)]
    bucket.delete(left)
    return left


def _delete_others(bucket: Bucket, commit: Commit, names: dict[str, int]) -> None:
    mark = f"{FOLDER}/{commit.step}/{COMMIT}"
    kept = f"{commit.folder}/"
    bucket.delete(n for n in names if n != mark and not n.startswith(kept))


def _commit_steps(names: dict[str, int]) -> list[int]:
    parts = (name.split("/") for name in names if name.endswith(f"/{COMMIT}"))
    steps = [step_number(each[1]) for each in parts if len(each) == 3]
    return sorted(step for step in steps if step is not None)


def _commits(bucket: Bucket, names: dict[str, int]) -> dict[int, Commit]:
    found = {}
    for step in _commit_steps(names):
        name = f"{FOLDER}/{step}/{COMMIT}"
        data = bucket.read(name)
        if data is None:  # It was deleted just now.
            continue
        try:
            found[step] = Commit(**parse_json(data))
        except (ValueError, TypeError) as error:
            raise StorageError(
                f"{bucket.address}/{name} is damaged: expected the list of the files "
                f"of a checkpoint, but {error}. Delete it to skip this checkpoint."
            ) from error
    return found


def _facts(path: Path) -> list[Any]:
    """Returns the size and the SHA-256 digest of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return [file.tell(), digest]
