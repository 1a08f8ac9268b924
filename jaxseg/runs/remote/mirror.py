"""Copies a run from its local folder to a bucket while it is trained.

A thread looks for changes every `PERIOD` seconds. In each pass, it first copies files
such as metrics and pictures, and then complete checkpoints. In the bucket, the metrics
are therefore never older than a checkpoint. Finally, the thread deletes the checkpoints
in the bucket that the run has deleted locally.

If the process is killed, the bucket lacks what was written since the last pass. A
resumed run computes this again from the newest checkpoint, with the same result.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from jaxseg.checkpoints.step_folders import step_folders
from jaxseg.runs.remote import steps
from jaxseg.runs.remote.changes import State, files, state
from jaxseg.runs.remote.download import Copies, Parts, remember
from jaxseg.storage.bucket import Bucket
from jaxseg.storage.parts import GrowingFile, grows

PERIOD = 10.0  # seconds between two passes


class Mirror:
    """Copies the changes of a local run directory to a bucket.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      folder: The local run directory.
      check: A function that raises an error if this process no longer owns the run.
      parts: The content of the files in the bucket, as `download_records` returns it.
      copies: The checkpoints that are equal in the bucket and the local directory, as
        `download_steps` returns them.
    """

    def __init__(
        self,
        bucket: Bucket,
        folder: Path,
        check: Callable[[], None],
        *,
        parts: Parts,
        copies: Copies,
    ) -> None:
        self._bucket, self._folder, self._owned = bucket, folder, check
        self._copies = dict(copies)
        self._growing = {
            name: GrowingFile(bucket, name, found)
            for name, found in parts.items()
            if grows(name)
        }
        self._files: dict[str, State] = {name: state(folder / name) for name in parts}
        self._mutex, self._ended = threading.Lock(), threading.Event()
        self._failure: Exception | None = None
        name = f"copy of {bucket.address}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread that copies changes in the background."""
        self._thread.start()

    def check(self) -> None:
        """Raises an error if copying has failed or this process lost the run."""
        if self._failure is not None:
            raise self._failure
        self._owned()

    def copy(self) -> None:
        """Copies all changes now. When it returns, the bucket contains them.

        Raises:
          StorageError: If the bucket cannot be written.
          RunInUse: If another process has taken over the run.
        """
        with self._mutex:
            self._owned()
            places = step_folders(self._folder / steps.FOLDER)
            self._copy_files()
            for step, place in places.items():
                self._copy_step(step, place)
            here = step_folders(self._folder / steps.FOLDER)
            for step in sorted(self._copies.keys() - here.keys()):
                steps.delete_step(self._bucket, step)
                del self._copies[step]

    def close(self) -> None:
        """Ends the thread and copies the last changes.

        Raises:
          Exception: If copying has failed, in the thread or now. After a failure in the
            thread, the last changes are not copied.
        """
        self._ended.set()
        self._thread.join()
        self.check()
        self.copy()

    def _run(self) -> None:
        while not self._ended.wait(PERIOD):
            try:
                self.copy()
            except Exception as error:
                self._failure = error
                return

    def _copy_files(self) -> None:
        for name, path in files(self._folder):
            with contextlib.suppress(FileNotFoundError):  # It was deleted just now.
                now = state(path)
                if self._files.get(name) == now:
                    continue
                if grows(name):
                    new = GrowingFile(self._bucket, name)
                    self._growing.setdefault(name, new).copy(path)
                else:
                    self._bucket.upload(name, path)
                self._files[name] = now

    def _copy_step(self, step: int, place: Path) -> None:
        now: State = ()
        try:
            now = state(place)
            if step in self._copies and self._copies[step][1] == now:
                return
            commit = steps.upload_step(self._bucket, step, place)
        except FileNotFoundError:
            if place.is_dir() and state(place) == now:
                raise
            return  # The run has deleted or replaced the step.
        self._copies[step] = commit, now
        remember(self._folder, self._copies)
