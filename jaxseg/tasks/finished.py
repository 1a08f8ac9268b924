"""Records which inputs of a prediction are finished, so that it can be continued.

The file predict.jsonl in the output directory has one JSON object per line. The first
line says to which weights and options the results belong. Each further line says that
the results of one input are complete; it is written after all files of this input.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jaxseg.checkpoints.digest import of_arrays, of_values
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.runs.serialize import differences, to_dict
from jaxseg.storage import atomic
from jaxseg.storage.json_file import parse_json, plain
from jaxseg.tasks.prediction import Request

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None

FILE = "predict.jsonl"
# Fields of a request that do not change the results.
_WITHOUT_EFFECT = ("inputs", "output", "workdir", "ensemble", "checkpoint", "verify")
_WITHOUT_EFFECT += ("overwrite", "stop", "large_above", "report")
_WITHOUT_EFFECT_IN = {
    "segment": ("batch_size", "accumulate", "devices"),
    "reading": ("max_pixels",),
}
_IDENTITY = "results of"  # The key of the first line that results must agree with.
_REMEDY = "Choose another -o, or pass --overwrite to replace the results."


class Input(Protocol):
    """Defines the attributes that inputs of all kinds have.

    Attributes:
      path: The input file.
      name: The output folder and the base name of the results, such as "out/cat".
    """

    path: Path
    name: Path


@dataclasses.dataclass(frozen=True)
class Finished:
    """Represents predict.jsonl, the list of finished inputs in an output directory.

    Attributes:
      folder: The output directory.
      header: The first line of the file, which describes the weights and options.
      lines: The lines of the finished inputs. The keys are the paths of the inputs'
        results, relative to `folder`.
      started: Whether the directory already had such a file for the same weights and
        options.
    """

    folder: Path
    header: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Any]]
    started: bool

    def divide(
        self,
        inputs: Sequence[Input],
        results_of: Callable[[Path], Iterable[Path]],
        *,
        overwrite: bool = False,
    ) -> frozenset[Path]:
        """Returns the set of the paths of all inputs whose results are complete.

        Inputs that have changed since their results were written are not included.

        Args:
          inputs: All inputs.
          results_of: A function that takes the attribute `name` of an input, and
            returns the paths of all files that are written for this input.
          overwrite: Whether existing files may be replaced.

        Raises:
          ValueError: If a result of an unfinished input would replace a result of
            another input. Also if it would replace any file, and the directory has no
            predict.jsonl for the same weights and options.
        """
        done = set()
        for job in inputs:
            line = self.lines.get(self._name(job))
            now = _line(job, self._name(job))
            files = list(results_of(job.name))
            there = [path for path in files if path.exists()]
            if line and _unchanged(line, now) and len(there) == len(files):
                done.add(job.path)
            elif overwrite:
                continue
            elif line and line["input"] != now["input"] and there:
                raise ValueError(
                    f"output={str(self.folder)!r} is invalid: {there[0]} is the result "
                    f"of {line['input']}, and {job.path} would replace it. {_REMEDY}"
                )
            elif there and not self.started:
                raise ValueError(
                    f"output={str(self.folder)!r} is invalid: {there[0]} exists, and "
                    f"no record says that this command wrote it. {_REMEDY}"
                )
        return frozenset(done)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Callable[[Input], None]]:
        """Returns a context manager in whose block predict.jsonl is open for writing.

        Yields:
          A function that takes a finished input and appends its line.

        Raises:
          ValueError: If another process writes to the directory.
        """
        path = self.folder / FILE
        if not self.started:
            with path.open("a") as before:
                _lock(before, self.folder)
                atomic.write_text(path, json.dumps(self.header) + "\n")
        with path.open("a") as file:
            _lock(file, self.folder)

            def write(text: str) -> None:
                try:
                    file.write(f"{text}\n")
                    file.flush()
                except OSError as error:
                    raise OSError(error.errno, error.strerror, str(path)) from error

            if self.started:  # A killed process may have left half a line.
                os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
            yield lambda job: write(json.dumps(_line(job, self._name(job))))

    def _name(self, job: Input) -> str:
        return os.path.relpath(job.name, self.folder)


def open_record(
    folder: Path, identity: Mapping[str, Any], *, overwrite: bool
) -> Finished:
    """Reads predict.jsonl, the list of finished inputs in an output directory.

    The result is a `Finished`. If the directory has no such file, no input is finished.

    Args:
      folder: The output directory, which may be missing.
      identity: JSON values that determine the results, such as options.
      overwrite: Whether to ignore a file that was written for other weights or options.

    Raises:
      ValueError: If the file was written for other weights or options. The message
        says what differs.
    """
    identity = plain(identity)
    header = {_IDENTITY: identity}
    path = folder / FILE
    if overwrite or not path.is_file():
        return Finished(folder, header, {}, started=False)
    text = path.read_text()
    if "\n" not in text:  # A process was killed before it finished the first line.
        return Finished(folder, header, {}, started=False)
    first, *others = map(_parsed, text.splitlines())
    if not isinstance(first, dict) or not isinstance(first.get(_IDENTITY), dict):
        raise ValueError(
            f"output={str(folder)!r} is invalid: expected a record of finished inputs, "
            f"but the first line of {path} is damaged. {_REMEDY}"
        )
    known = {"input", "name", "bytes", "modified"}
    rows = [row for row in others if isinstance(row, dict) and known <= set(row)]
    lines = differences(first[_IDENTITY], identity)
    if lines and rows:
        raise ValueError(
            f"output={str(folder)!r} is invalid: expected results of the same weights "
            f"and options, but those in the folder differ in {'; '.join(lines)}. "
            f"{_REMEDY}"
        )
    by_name = {row["name"]: row for row in rows}
    return Finished(folder, header, by_name, started=not lines)


def identity_of(
    request: Request, config: Config, spec: DatasetSpec, *, step: int, variables: Any
) -> dict[str, Any]:
    """Returns a dictionary of the JSON values that determine a prediction's results.

    The path of the run directory and the batch size, for example, are not among them.

    Args:
      request: The options of the prediction.
      config: The configuration of the run.
      spec: The classes of the run.
      step: The training step of the checkpoint.
      variables: The parameters and statistics of the network.
    """
    options = changed_options(request)
    for name in _WITHOUT_EFFECT:
        options.pop(name, None)
    for part, names in _WITHOUT_EFFECT_IN.items():
        for name in names:
            options.get(part, {}).pop(name, None)
    return {
        "model": to_dict(config.model),
        "eval_scale": config.data.eval_scale,
        "threshold": spec.threshold,
        "step": step,
        "weights": of_values(of_arrays(variables))[:16],
        "options": options,
    }


def changed_options(options: Any) -> dict[str, Any]:
    """Returns a dictionary of the dataclass fields that differ from their defaults.

    Fields that are dataclasses themselves become nested dictionaries.

    Options with their default values are left out. If jaxseg gets a new option, results
    of earlier versions can therefore still be continued.

    Args:
      options: A dataclass instance.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            if inner := changed_options(value):
                found[field.name] = inner
        elif field.default is dataclasses.MISSING or value != field.default:
            found[field.name] = value if _is_json(value) else str(value)
    return found


def _is_json(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, bool | int | float | str)


def _line(job: Input, name: str) -> dict[str, Any]:
    """Returns the line of a finished input: where it is, its size and its age."""
    found = os.stat(job.path)
    return {
        "input": os.path.realpath(job.path),
        "name": name,
        "bytes": found.st_size,
        "modified": found.st_mtime_ns,
    }


def _unchanged(line: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(line[key] == now[key] for key in ("bytes", "modified"))


def _parsed(line: str) -> Any:
    """Parses one line; a line that a killed process left incomplete is None."""
    try:
        return parse_json(line)
    except json.JSONDecodeError:
        return None


def _lock(file: Any, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"output={str(folder)!r} is invalid: expected a folder that no other "
            "process writes to. Wait for that process, or choose another -o."
        ) from None
    except OSError:  # Some network file systems have no locks.
        return
