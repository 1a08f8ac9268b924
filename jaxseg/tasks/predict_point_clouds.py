"""Segments point clouds with the network of a run, and writes the results.

An input file contains the arrays `points` [N, 3], which are coordinates in meters whose
z axis points up, and `color` uint8 [N, 3]. The prediction writes NAME.npz with the
predicted `label` uint8 [N], the class names `classes` and, on request, `probabilities`.
It also writes NAME.ply, in which the color of each point shows its predicted class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.cloud_padding import pad_cloud
from jaxseg.inference.images import output_names
from jaxseg.runs.directory import build_model, load_variables
from jaxseg.storage import atomic
from jaxseg.tasks.cloud_network import Batch, classifier
from jaxseg.tasks.prediction import FileResult, Request, failure
from jaxseg.viz.ply import write_ply
from jaxseg.weights.formats import npz

MULTIPLE = 1024  # Clouds are padded to multiples of this to compile few programs.
OPTIONS = (  # the options of the command that apply to clouds
    "images",
    "workdir",
    "output",
    "checkpoint",
    "digest",
    "probabilities",
    "overlay",
    "on_bad_file",
)


class CloudJob(NamedTuple):
    """Contains one readable point cloud.

    Attributes:
      path: The input file.
      name: The output folder and the base name of the results, such as "out/cat".
      points: The positions of the points, float32 [N, 3].
      color: Their colors, uint8 [N, 3].
    """

    path: Path
    name: Path
    points: np.ndarray
    color: np.ndarray


@dataclasses.dataclass(frozen=True)
class CloudPrediction:
    """Contains a prediction that is ready to run, with the network and the clouds.

    Attributes:
      request: The options of the prediction.
      spec: The classes of the run.
      step: The training step of the checkpoint.
      jobs: The readable clouds.
      unreadable: The files that cannot be read.
      classify: Maps a batch of clouds to probabilities, float32 [B, N, K].
      noun: The word for one input in messages.
      finished: Always empty, because finished clouds are not remembered.
    """

    request: Request
    spec: DatasetSpec
    step: int
    jobs: list[CloudJob]
    unreadable: list[FileResult]
    classify: Callable[[Batch], np.ndarray]
    noun: ClassVar[str] = "cloud"
    finished: ClassVar[frozenset[Path]] = frozenset()

    def notes(self) -> list[str]:
        """Returns an empty list: there is nothing to tell the user before the run."""
        return []

    def run(self) -> Iterator[FileResult]:
        """Segments the point clouds, writes their files, and yields each result."""
        self.request.output.mkdir(parents=True, exist_ok=True)
        for folder in {job.name.parent for job in self.jobs}:
            atomic.sweep(folder)
        for job in self.jobs:
            probability = classified(self.classify, job.points, job.color)
            yield FileResult((job.path,), self._write(job, probability))

    def _write(self, job: CloudJob, probability: np.ndarray) -> Path:
        label = probability.argmax(-1).astype(np.uint8)
        content = {"label": label, "classes": np.array(self.spec.classes)}
        if self.request.probabilities:
            content["probabilities"] = probability.astype(np.float16)
        written = Path(f"{job.name}.npz")
        with atomic.replacing(written) as temporary:
            np.savez(temporary, **content)
        if self.request.overlay:
            palette = np.array(self.spec.palette, np.uint8)
            write_ply(f"{job.name}.ply", job.points, palette[label])
        return written


def open_files(request: Request, config: Config, spec: DatasetSpec) -> CloudPrediction:
    """Reads the point clouds and loads the network without writing any file.

    The result is a `CloudPrediction`, which is ready to run.

    Args:
      request: The options of the prediction.
      config: The configuration of the run.
      spec: The classes of the run.

    Raises:
      ValueError: If a result would replace an input file, if the checkpoint cannot be
        used, or if `stop` is set and a file cannot be read.
    """
    jobs, unreadable = plan(request)
    model = build_model(config, spec.num_classes)
    step, variables = load_variables(
        request.workdir,
        model,
        checkpoint=request.checkpoint,
        ema=config.train.ema is not None,
        verify=request.verify,
    )
    return CloudPrediction(
        request,
        spec=spec,
        step=step,
        jobs=jobs,
        unreadable=unreadable,
        classify=classifier(model, variables),
    )


def plan(request: Request) -> tuple[list[CloudJob], list[FileResult]]:
    """Returns two lists: the readable point clouds, and the unreadable files.

    A readable cloud is a `CloudJob`, with the path of its results. An unreadable file
    is a `FileResult`, with its error.

    Raises:
      ValueError: If a result would replace a cloud, or if `stop` is set and a file
        cannot be read.
    """
    paths, jobs, unreadable = [Path(name) for name in request.inputs], [], []
    inputs = {path.resolve() for path in paths}
    for path, name in zip(paths, output_names(paths), strict=True):
        target = request.output / name
        if Path(f"{target}.npz").resolve() in inputs:
            raise ValueError(
                f"output={str(request.output)!r} is invalid: {target}.npz would "
                "replace a cloud. Choose another -o."
            )
        try:
            jobs.append(CloudJob(path, target, *read_cloud(path)))
        except ValueError as error:
            unreadable.append(failure((path,), error, stop=request.stop))
    return jobs, unreadable


def read_cloud(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads a point cloud from a file.

    Returns:
      The positions of the points, float32 [N, 3], and their colors, uint8 [N, 3].

    Raises:
      ValueError: If the file does not contain them. The message names the file.
    """
    try:
        file = npz.read(str(path), ["points", "color", "colour"])
        color = "colour" if "colour" in file else "color"  # the name in older files
        if missing := {"points", color} - set(file):
            raise ValueError(f"the file has no array named {missing.pop()}")
    except (OSError, ValueError) as error:
        reason = str(error).removeprefix(f"{path}: ").removesuffix(".")
        raise ValueError(
            f"{path} is invalid: expected an .npz file with `points` [N, 3] and "
            f"`color` uint8 [N, 3] ({reason})."
        ) from error
    points, color = file["points"], file[color]
    fits = points.ndim == 2 and points.shape[1:] == (3,) and len(points) > 0
    if not fits or points.shape != color.shape or color.dtype != np.uint8:
        raise ValueError(
            f"{path} is invalid: expected points [N, 3] and colors uint8 [N, 3], found "
            f"points {list(points.shape)} and colors {color.dtype} {list(color.shape)}."
        )
    if points.dtype.kind not in "fiu" or not np.isfinite(points).all():
        raise ValueError(f"{path} is invalid: expected finite coordinates.")
    return points.astype(np.float32), color


def classified(classify: Any, points: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Returns the class probabilities of the points of one point cloud, [N, K].

    The points and colors are padded and normalized as in an evaluation.

    Args:
      classify: A function that maps a batch of point clouds to probabilities.
      points: The positions of the points, float32 [N, 3].
      color: Their colors, uint8 [N, 3].
    """
    size = -(-len(points) // MULTIPLE) * MULTIPLE
    label = np.zeros(len(points), np.uint8)
    example = pad_cloud(points, color=color / 255, label=label, size=size)
    batch = {name: value[None] for name, value in example.items()}
    return classify(batch)[0, : len(points)]
