"""Downloads the files of a run directory from a bucket to a local folder."""

from __future__ import annotations

import collections
import json
import shutil
from pathlib import Path

from jaxseg.checkpoints.step_folders import step_number
from jaxseg.runs.lock import LOCK
from jaxseg.runs.remote import steps
from jaxseg.runs.remote.steps import Commit
from jaxseg.storage import atomic
from jaxseg.storage.bucket import Bucket, inside
from jaxseg.storage.json_file import parse_json, write_json
from jaxseg.storage.parts import EVENTS, file_of_part, join

COPIED = ".copied.json"  # the commits of the steps that the local folder contains
Parts = dict[str, dict[int, bytes]]


def download_records(bucket: Bucket, folder: Path) -> Parts:
    """Downloads the files of a run except checkpoints, events and subfolders.

    Local files that the bucket does not contain, and local subfolders other than that
    of the checkpoints, are deleted, because they can come from an earlier run. Files
    with the same content are left unchanged.

    Args:
      bucket: The folder of the run.
      folder: The local folder.

    Returns:
      The content of the parts of each file, by the position of their first byte.
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


def download_steps(bucket: Bucket, folder: Path, *, remove: bool) -> dict[int, Commit]:
    """Downloads the complete steps that the local folder does not contain yet.

    Args:
      bucket: The folder of the run.
      folder: The local folder.
      remove: Whether to delete local steps that the bucket no longer contains in this
        form. It must be False if another process may be reading them.

    Returns:
      The commits of the steps that the local folder contains now.
    """
    remote, known = steps.committed(bucket), _copied(folder)
    checkpoints = folder / steps.FOLDER
    checkpoints.mkdir(exist_ok=True)
    for path in checkpoints.iterdir() if remove else ():
        step = step_number(path.name)
        if step is None or known.get(step) != remote.get(step, ""):
            shutil.rmtree(path)
            known.pop(step, None)
    for step, commit in remote.items():
        place = checkpoints / str(step)
        if not place.is_dir() and steps.download_step(bucket, commit, place):
            known[step] = commit
            remember(folder, known)
    return known


def remember(folder: Path, commits: dict[int, Commit]) -> None:
    """Stores which upload of each step a local folder contains."""
    content = {str(step): vars(commit) for step, commit in commits.items()}
    write_json(folder / COPIED, content)


def _copied(folder: Path) -> dict[int, Commit]:
    """Returns the commits of the steps that the local folder contains."""
    path = folder / COPIED
    try:
        found = parse_json(path.read_bytes())
        return {int(step): Commit(**fields) for step, fields in found.items()}
    except (OSError, json.JSONDecodeError, TypeError, ValueError, AttributeError):
        return {}
