"""Implements `jaxseg predict IMAGE... -o DIR --workdir RUN`.

The command segments image files.

For each image, it writes a PNG whose pixels are class indices in the colors of the
dataset, an overlay and, on request, the probabilities. In the default mode, images get
the classes that `jaxseg eval` scores. `--crf` refines them along image edges.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track

from jaxseg.cli.arguments import parsed
from jaxseg.cli.crf import BOUNDS as CRF_BOUNDS
from jaxseg.cli.crf import CRF, refiner
from jaxseg.cli.reading import BOUNDS as READING
from jaxseg.cli.reading import Reading
from jaxseg.data.reader import ReadOptions
from jaxseg.inference.image_batches import Job, batches, read_batch
from jaxseg.inference.images import collect, output_names, size_of
from jaxseg.inference.prediction import Prediction
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.inference.tta import PSPNET_SCALES
from jaxseg.runs.bounds import SCALE
from jaxseg.runs.checks import check_options
from jaxseg.runs.config_file import overridden, take_options
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec
from jaxseg.runs.rules import check_bounds, each, optional, some, text, whole
from jaxseg.storage import atomic
from jaxseg.storage.places import check_folder
from jaxseg.tasks.names import POINT_CLOUDS, task_name
from jaxseg.tasks.samples import (
    check_request,
    hypothesis_drawer,
    sample_paths,
    write_samples,
)
from jaxseg.text import as_message, counted

Size = tuple[int, int]
CRF_OPTIONS = CRF()
AS_TRAINED = Reading()


BOUNDS = {
    "checkpoint": text(),
    "window": optional(each(whole(1, 65_536))),
    "stride": optional(each(whole(1, 65_536))),
    "scales": some(SCALE),
    "samples": whole(0, 10_000),
    "batch_size": whole(1, 65_536),
    "pad_multiple": whole(1, 65_536),
    **READING,
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Segment image files with a trained network.

    Network options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    images: tyro.conf.Positional[tuple[str, ...]]
    """Image files, directories of images, and patterns such as 'a/**/*.jpg'."""
    workdir: Path
    """Run directory of the training."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Directory for NAME.png, NAME_overlay.png and NAME.npz."""
    checkpoint: str = "best"
    """Checkpoint: best, latest or a step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them."""
    mode: Literal["whole", "slide", "tile"] = "whole"
    """Whole images, overlapping windows, or mirrored tiles (unpadded networks)."""
    window: Size | None = None
    """Height and width of windows and tiles in pixels."""
    stride: Size | None = None
    """Step between windows. The default is two thirds of a window, or one tile."""
    scales: tuple[float, ...] = (1.0,)
    """Average the softmax over the image resized by these factors."""
    flip: bool = False
    """Average the softmax with that of the mirrored image."""
    tta: bool = False
    """Use six scales from 0.5 to 1.75, and flip."""
    crf: bool = False
    """Refine the probabilities by a dense CRF."""
    crf_options: Annotated[CRF, tyro.conf.arg(name="crf")] = CRF_OPTIONS
    probabilities: bool = False
    """Also write NAME.npz with `probabilities` float16 [H, W, K] and `classes`."""
    samples: int = 0
    """Also write N samples and their entropy, for networks such as prob_unet."""
    overlay: bool = True
    """Write NAME_overlay.png."""
    batch_size: int = 4
    """Number of images or windows per forward pass."""
    pad_multiple: int = 32
    """Pad images to multiples of this; larger values compile fewer programs."""
    on_bad_file: Literal["skip", "stop"] = "skip"
    """skip reports an unreadable image and continues; stop ends the command."""
    data: Reading = AS_TRAINED


def main(argv: list[str]) -> int:
    """Predicts all images; the exit status is 1 if any image could not be read."""
    network_options, rest = take_options(argv)
    options = parsed(Options, rest, prog="jaxseg predict", bounds=BOUNDS)
    check_bounds(options.crf_options, CRF_BOUNDS, prefix="crf.")
    config = overridden(read_config(options.workdir), network_options)
    check_options(config, network_options)
    check_request(config, samples=options.samples, mode=options.mode)
    spec = read_spec(options.workdir)
    check_folder("output", options.output)
    if task_name(config) == POINT_CLOUDS:
        # Imported here, because images do not need it.
        from jaxseg.tasks.predict_point_clouds import predict_clouds

        return predict_clouds(options, config, spec)
    reading = options.data.over(config.data)
    jobs, failures = plan(options, reading)
    model = build_model(config, spec.num_classes)
    step, variables = load_variables(
        options.workdir,
        model,
        checkpoint=options.checkpoint,
        ema=config.train.ema is not None,
        verify=options.digest,
    )
    print(
        f"{config.model.title} of step {step}, {counted(len(jobs), 'image')}",
        flush=True,
    )
    segmenter = Segmenter(
        model,
        variables,
        spec,
        scale=config.data.eval_scale,
        options=predict_options(options),
        reading=reading,
    )
    draw = None
    if options.samples:
        draw = hypothesis_drawer(
            model, variables, spec, samples=options.samples, seed=config.train.seed
        )
    options.output.mkdir(parents=True, exist_ok=True)
    for folder in {job.name.parent for job in jobs}:
        atomic.sweep(folder)
    damaged = run(jobs, segmenter, options, draw=draw)
    done, failed = len(jobs) - len(damaged), len(failures) + len(damaged)
    written = f"{counted(done, 'image')} written to {options.output}"
    print(as_message(f"{written}, {failed} failed"))
    return 1 if failed else 0


def plan(options: Options, reading: ReadOptions) -> tuple[list[Job], list[Path]]:
    """Returns the readable images with their result names, and the unreadable ones.

    Raises:
      ValueError: If a result would replace an image, or for the first unreadable image
        with `on_bad_file="stop"`.
    """
    paths = collect(options.images)
    sources = {os.path.realpath(path) for path in paths}
    jobs, failures = [], []
    for path, name in zip(paths, output_names(paths), strict=True):
        target = options.output / name
        for result in result_paths(target, options):
            if os.path.realpath(result) in sources:
                raise ValueError(
                    f"output {result} would replace an image. Choose another -o."
                )
        try:
            jobs.append(Job(path, target, size_of(path, reading)))
        except ValueError as error:
            failures.append(_failed(path, error, options))
    return jobs, failures


def result_paths(target: Path, options: Options) -> list[Path]:
    """Returns the files that are written for one image."""
    names = [f"{target.name}.png"]
    names += [f"{target.name}_overlay.png"] if options.overlay else []
    names += [f"{target.name}.npz"] if options.probabilities else []
    written = [target.with_name(name) for name in names]
    return written + sample_paths(target, options.samples)


def predict_options(options: Options) -> PredictOptions:
    """Returns how the options of the command segment an image."""
    return PredictOptions(
        mode=options.mode,
        window=options.window,
        stride=options.stride,
        scales=PSPNET_SCALES if options.tta else options.scales,
        flip=options.flip or options.tta,
        batch_size=options.batch_size,
        multiple=options.pad_multiple,
    )


def run(
    jobs: list[Job],
    segmenter: Segmenter,
    options: Options,
    *,
    draw: Callable | None = None,
) -> list[Path]:
    """Predicts and writes all images; returns those that could not be read."""
    failures: list[Path] = []
    spec, soft = segmenter.spec, options.probabilities or options.crf
    sharpen = refiner(options.crf_options) if options.crf else None
    whole = options.mode == "whole"  # In the other modes, windows form the batches.
    groups = list(
        batches(
            jobs,
            rows=options.batch_size if whole else 1,
            multiple=options.pad_multiple if whole else 1,
        )
    )
    terminal = sys.stdout.isatty()
    if terminal:
        groups = track(groups, "predicting", console=Console())
    for group in groups:
        pixels, errors = read_batch(group, segmenter.reading, fill=spec.mean_color)
        for row, error in errors.items():
            failures.append(_failed(group.jobs[row].path, error, options))
        read = [(row, j) for row, j in enumerate(group.jobs) if row not in errors]
        if not read:
            continue
        try:
            labels, probabilities = segmenter.segment(pixels, soft=soft)
            drawn = None if draw is None else draw(pixels)
        except (ValueError, RuntimeError, MemoryError) as error:
            failures += _unsegmented([job.path for _, job in read], error, options)
            continue
        for row, job in read:
            corner = np.s_[row, : job.size[0], : job.size[1]]
            if sharpen is not None:
                probabilities[row] = sharpen(probabilities[row], pixels[row], job.size)
                labels[row] = probabilities[row].argmax(-1)
            kept = None if probabilities is None else probabilities[corner]
            prediction = Prediction(
                pixels[corner], labels[corner], spec, lambda kept=kept: kept
            )
            prediction.save(
                job.name.parent,
                name=job.name.name,
                overlay=options.overlay,
                probabilities=options.probabilities,
            )
            if drawn is not None:
                several = drawn.labels[:, *corner]
                write_samples(job.name, several, drawn.entropy[corner], spec)
            if not terminal:
                print(as_message(f"{job.path} -> {job.name}.png"), flush=True)
    return failures


def _failed(path: Path, error: ValueError, options: Options) -> Path:
    if options.on_bad_file == "stop":
        raise error
    print(f"jaxseg: {as_message(error)}", file=sys.stderr)
    return path


def _unsegmented(paths: list[Path], error: Exception, options: Options) -> list[Path]:
    """Reports images that the network could not process.

    Raises:
      ValueError: If an option does not suit them. The message names the images.
    """
    names, text = ", ".join(map(str, paths)), " ".join(str(error).split())
    if isinstance(error, ValueError):
        raise ValueError(f"{names}: {text}") from error
    remedy = "try a smaller --batch-size, or --mode slide with a --window."
    text = f"{names}: the network failed ({text[:300]}); {remedy}"
    _failed(paths[0], ValueError(text), options)
    return paths
