"""Downloads the files of a run directory from a bucket to a local folder."""

from __future__ import annotations

import collections
import contextlib
import shutil
from pathlib import Path

from jaxseg.checkpoints.step_folders import step_folders, step_number
from jaxseg.runs.lock import LOCK
from jaxseg.runs.remote import steps
from jaxseg.runs.remote.changes import State, state
from jaxseg.runs.remote.steps import Commit
from jaxseg.storage import atomic
from jaxseg.storage.bucket import Bucket, inside
from jaxseg.storage.json_file import parse_json, write_json
from jaxseg.storage.parts import EVENTS, file_of_part, join

COPIED = ".copied.json"  # lists the steps that the local folder has as in the bucket
Parts = dict[str, dict[int, bytes]]
Copies = dict[int, tuple[Commit, State]]  # the state is that of the local folder


def download_records(bucket: Bucket, folder: Path) -> Parts:
    """Downloads the files of a run, but no subfolder and no TensorBoard event file.

    Local files that the bucket does not contain are deleted, because they can come from
    an earlier run. All local subfolders except that of the checkpoints are deleted,
    too. Files with the same content are left unchanged.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      folder: The local folder.

    Returns:
      A dictionary from the name of each file to its parts: the objects that store the
      file in the bucket. The parts are a dictionary from the position of their first
      byte in the file to their content.
    """
    parts: Parts = collections.defaultdict(dict)
    for name in bucket.sizes():
        if "/" in name or name.startswith(EVENTS):
            continue
        content = bucket.read(name)
        if content is not None:
            file, start = file_of_part(name)
            parts[file][start] = content
    for name, found in parts.items():
        content, path = join(found), inside(folder, name)
        if not path.is_file() or path.read_bytes() != content:
            atomic.write_bytes(path, content)
    kept = (*parts, steps.FOLDER, COPIED, LOCK)
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return dict(parts)


def download_steps(bucket: Bucket, folder: Path, *, remove: bool) -> Copies:
    """Downloads the complete checkpoints that the local folder does not contain yet.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      folder: The local folder.
      remove: Whether to delete local checkpoints that are missing in the bucket or
        differ from those there. It must be False if another process may be reading
        them.

    Returns:
      A dictionary that contains, for the training step of each checkpoint that is equal
      in both places, a pair: the `Commit` of the checkpoint, which lists its files; and
      the inode, size and time of change of its local folder.
    """
    remote, checkpoints = steps.committed(bucket), folder / steps.FOLDER
    checkpoints.mkdir(exist_ok=True)
    copies = _remembered(folder)
    for path in checkpoints.iterdir() if remove else ():
        step = step_number(path.name)
        if step not in copies or copies[step][0] != remote.get(step):
            shutil.rmtree(path)
            copies.pop(step, None)
    for step, commit in remote.items():
        place = checkpoints / str(step)
        if not place.is_dir() and steps.download_step(bucket, commit, place):
            copies[step] = commit, state(place)
            remember(folder, copies)
    return copies


def remember(folder: Path, copies: Copies) -> None:
    """Stores which checkpoints of a local folder are equal to those in the bucket.

    Args:
      folder: The local folder.
      copies: The checkpoints that are equal, as `download_steps` returns them.
    """
    content = {
        str(step): {"commit": vars(commit), "state": found}
        for step, (commit, found) in copies.items()
    }
    write_json(folder / COPIED, content)


def _remembered(folder: Path) -> Copies:
    """Returns the stored steps whose folders have not changed since."""
    copies: Copies = {}
    places = step_folders(folder / steps.FOLDER)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        for text, fields in parse_json((folder / COPIED).read_bytes()).items():
            step, found = int(text), tuple(fields["state"])
            if step in places and state(places[step]) == found:
                copies[step] = Commit(**fields["commit"]), found
    return copies
