"""Implements `jaxseg predict CLOUD.npz... -o DIR --workdir RUN` for point clouds.

An input file contains the arrays `points` [N, 3], which are coordinates in meters whose
z axis points up, and `color` uint8 [N, 3]. The command writes NAME.npz with the
predicted `label` uint8 [N], the class names `classes` and, on request, `probabilities`.
It also writes NAME.ply, in which the color of each point shows its predicted class."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.cloud_pipeline import padded
from jaxseg.inference.images import output_names
from jaxseg.runs.directory import build_model, load_variables
from jaxseg.storage import atomic
from jaxseg.tasks.point_clouds import classifier
from jaxseg.text import as_message, counted
from jaxseg.viz.ply import write_ply
from jaxseg.weights.formats import npz

MULTIPLE = 1024  # Clouds are padded to multiples of this to compile few programs.
USED = (  # the options that apply to clouds
    "images",
    "workdir",
    "output",
    "checkpoint",
    "digest",
    "probabilities",
    "overlay",
    "on_bad_file",
)


def predict_clouds(options: Any, config: Config, spec: DatasetSpec) -> int:
    """Segments all point cloud files and writes the results.

    Args:
      options: The options of `jaxseg predict`.
      config: The configuration of the run.
      spec: The classes of the run.

    Returns:
      The exit status: 1 if any file could not be read, 0 otherwise.

    Raises:
      ValueError: If an option is given that applies only to images, if a result would
        replace an input file, or if `on_bad_file` is "stop" and a file cannot be read.
    """
    refuse_others(options)
    jobs, failures = plan(options)
    model = build_model(config, spec.num_classes)
    step, variables = load_variables(
        options.workdir,
        model,
        checkpoint=options.checkpoint,
        ema=config.train.ema is not None,
        verify=options.digest,
    )
    print(
        f"{config.model.name} of step {step}, {counted(len(jobs), 'cloud')}", flush=True
    )
    classify = classifier(model, variables)
    options.output.mkdir(parents=True, exist_ok=True)
    for folder in {target.parent for _, target, *_ in jobs}:
        atomic.sweep(folder)
    for path, target, points, color in jobs:
        probability = classified(classify, points, color)
        label = probability.argmax(-1).astype(np.uint8)
        content = {"label": label, "classes": np.array(spec.classes)}
        if options.probabilities:
            content["probabilities"] = probability.astype(np.float16)
        with atomic.replacing(f"{target}.npz") as temporary:
            np.savez(temporary, **content)
        if options.overlay:
            palette = np.array(spec.palette, np.uint8)
            write_ply(f"{target}.ply", points, palette[label])
        print(as_message(f"{path} -> {target}.npz"), flush=True)
    return 1 if failures else 0


def plan(options: Any) -> tuple[list[tuple[Path, Path, np.ndarray, np.ndarray]], int]:
    """Finds and reads the input files.

    Returns:
      A tuple (file, path of the results without suffix, points, colors) for each
      readable file, and the number of unreadable files.
    """
    paths, jobs = [Path(name) for name in options.images], []
    inputs = {path.resolve() for path in paths}
    for path, name in zip(paths, output_names(paths), strict=True):
        target = options.output / name
        if Path(f"{target}.npz").resolve() in inputs:
            raise ValueError(
                f"output={str(options.output)!r} is invalid: {target}.npz would "
                "replace a cloud. Choose another -o."
            )
        try:
            jobs.append((path, target, *read_cloud(path)))
        except ValueError as error:
            if options.on_bad_file == "stop":
                raise
            print(f"jaxseg: {as_message(error)}", file=sys.stderr)
    return jobs, len(paths) - len(jobs)


def refuse_others(options: Any) -> None:
    """Raises ValueError if an option is set that applies only to images."""
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name not in USED and value != field.default:
            raise ValueError(
                f"{field.name}={value!r} is invalid for a network of point clouds: "
                f"expected no options but {', '.join(USED)}."
            )


def read_cloud(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads positions float32 [N, 3] and colors uint8 [N, 3] from a file.

    Raises:
      ValueError: If the file does not contain them. The message names the file.
    """
    try:
        file = npz.read(str(path), ["points", "color", "colour"])
        color = "colour" if "colour" in file else "color"  # the name in older files
        if missing := {"points", color} - set(file):
            raise ValueError(f"it has no array named {missing.pop()}")
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
    """Returns the probabilities [N, K] of one cloud.

    The points and colors are padded and normalized as in an evaluation.
    """
    size = -(-len(points) // MULTIPLE) * MULTIPLE
    label = np.zeros(len(points), np.uint8)
    example = padded(points, color / 255, label, size)
    batch = {name: value[None] for name, value in example.items()}
    return classify(batch)[0, : len(points)]
