"""Implements `jaxseg predict IMAGE... -o DIR --workdir RUN`.

For each image, the command writes a PNG of class indices with the colors of the dataset
as its palette, and an overlay of these colors on the image. On request, it also writes
the probabilities of the classes. With `--mode whole`, which is the default, the
predicted classes are those that `jaxseg eval` scores. Options such as `--crf` and
`--clean.min-size` refine them; `jaxseg eval` takes the same options and states their
effect on the scores.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.averaging import DEFAULT as NOT_AVERAGED
from jaxseg.cli.averaging import (
    NO_PICTURES,
    AveragingOptions,
    PictureOptions,
    move_runs,
)
from jaxseg.cli.exact import BOUNDS as EXACT_BOUNDS
from jaxseg.cli.exact import DEFAULT as EXACT
from jaxseg.cli.exact import Exact
from jaxseg.cli.prediction_progress import follow
from jaxseg.cli.progress_display import Pace
from jaxseg.cli.reading import BOUNDS as READING
from jaxseg.cli.reading import Reading
from jaxseg.cli.refining import DEFAULT as NOT_REFINED
from jaxseg.cli.refining import Refining
from jaxseg.cli.stopping import Terminated, raising_signals
from jaxseg.cli.unused import refuse_unused
from jaxseg.cli.verbosity import note
from jaxseg.cli.windows import BOUNDS as WINDOW_BOUNDS
from jaxseg.cli.windows import DEFAULT as WINDOWS
from jaxseg.cli.windows import Windows
from jaxseg.config import Config
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.inference.tta import PSPNET_SCALES
from jaxseg.runs.allocation import keep_freed_memory
from jaxseg.runs.bounds import SCALE
from jaxseg.runs.config_file import overridden, take_options
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network_checks import check_options
from jaxseg.runs.outputs import with_threshold
from jaxseg.runs.rules import check_bounds, number, optional, some, text, whole
from jaxseg.storage.places import check_folder
from jaxseg.tasks.prediction import Request
from jaxseg.tasks.table import task_of
from jaxseg.text import counted

AS_TRAINED = Reading()


BOUNDS = {
    "checkpoint": text(),
    "threshold": optional(number(above=0, below=1)),
    "dataset": optional(text()),
    "scales": some(SCALE),
    "samples": whole(0, 10_000),
    "batch_size": whole(1, 65_536),
    "pad_multiple": optional(whole(1, 65_536)),
    "buckets": optional(whole(1, 65_536)),
    **READING,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Segment image files with a trained network.

    Network options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    images: tyro.conf.Positional[tuple[str, ...]]
    """Image files, directories of images, and patterns such as 'a/**/*.jpg'."""
    workdir: Path
    """Run directory that `jaxseg train` or `jaxseg convert` has written."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Directory for the results, such as NAME.png and NAME_overlay.png."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""
    threshold: float | None = None
    """Probability above which a class is present, for a network with
    model.output=sigmoid. The default is the threshold of the dataset, normally 0.5."""
    mode: Literal["whole", "slide", "tile", "exact"] = "whole"
    """'whole' segments the whole image at once. 'slide' averages overlapping windows.
    'tile' segments adjacent tiles and mirrors the image at its borders, for networks
    whose convolutions have no padding. 'exact' segments tiles, but gives the same
    result as 'whole'."""
    windows: Annotated[Windows, tyro.conf.arg(name="")] = WINDOWS
    exact: Annotated[Exact, tyro.conf.arg(name="")] = EXACT
    scales: tuple[float, ...] = (1.0,)
    """Resize the image by each of these factors and average the predictions."""
    flip: bool = False
    """Average the predictions for the image and for the mirrored image."""
    tta: bool = False
    """Turn on test-time augmentation: six scales from 0.5 to 1.75, and --flip."""
    averaging: Annotated[AveragingOptions, tyro.conf.arg(name="")] = NOT_AVERAGED
    pictures: Annotated[PictureOptions, tyro.conf.arg(name="")] = NO_PICTURES
    refining: Annotated[Refining, tyro.conf.arg(name="")] = NOT_REFINED
    probabilities: bool = False
    """Also write NAME.npz with the arrays `probabilities`, float16 [H, W, K] for K
    classes, and `classes`, which contains the class names."""
    write: tuple[Literal["raw", "geojson", "coco"], ...] = ()
    """Further files to write for each image. 'raw' writes NAME_raw.png, in which the
    classes have the pixel values of the dataset's own mask files. Test servers expect
    these values. 'geojson' writes NAME.geojson with the outline of each region in pixel
    coordinates. 'coco' writes NAME_coco.json with one annotation in COCO's format per
    class."""
    samples: int = 0
    """Number of random segmentations to write for each image, and also their entropy.
    It requires a network that can draw samples, such as prob_unet."""
    dataset: str | None = None
    """Dataset whose classes are predicted, if the network was trained on several
    datasets. By default the classes of all these datasets are predicted."""
    overlay: bool = True
    """Write NAME_overlay.png, which shows the predicted classes on the image."""
    batch_size: int = 4
    """Number of images or windows per forward pass."""
    pad_multiple: int | None = None
    """Pad the height and the width of images to multiples of this number. Larger
    numbers give fewer different sizes, so fewer programs are compiled, but padding
    changes some labels near the right and lower border. The default is the value of
    data.eval_multiple in the configuration of the run, so that predictions are those
    that `jaxseg eval` scores. This value is normally 1, which means no padding. For old
    runs without data.eval_multiple, the default is 32."""
    buckets: int | None = None
    """Pad images to at most this number of sizes, which are chosen to add few pixels.
    The command prints how far from the border labels can change, and how many labels
    change. By default each image is segmented at its own size (see --pad-multiple)."""
    overwrite: bool = False
    """Replace results in the directory that are from another run or from other options.
    Without this option, such results are an error. To continue a command that was
    stopped, repeat it without this option."""
    on_bad_file: Literal["skip", "stop"] = "skip"
    """'skip' reports an image that cannot be read and continues with the next one.
    'stop' ends the command."""
    data: Reading = AS_TRAINED


def main(argv: list[str]) -> int:
    """Segments all files; the exit status is 1 if any could not be read, else 0."""
    network_options, rest = take_options(argv)
    rest = move_runs(rest)
    options = parsed(Arguments, rest, prog="jaxseg predict", bounds=BOUNDS)
    options.refining.check()
    check_bounds(options.windows, WINDOW_BOUNDS)
    check_bounds(options.exact, EXACT_BOUNDS)
    refuse_idle(options)
    options.averaging.check(network_options)
    options.pictures.check()
    config = overridden(read_config(options.workdir), network_options)
    check_options(config, network_options)
    spec = with_threshold(config, read_spec(options.workdir), options.threshold)
    if options.buckets is not None and options.pad_multiple is not None:
        raise ValueError(
            f"buckets={options.buckets} is invalid with pad_multiple="
            f"{options.pad_multiple}: expected one of the two. Leave out --buckets or "
            "--pad-multiple."
        )
    check_folder("output", options.output)
    keep_freed_memory(jax.default_backend())
    task = task_of(config).prediction_module()
    refuse_others(options, task.OPTIONS)
    prediction = task.open_files(request_of(options, config), config, spec)
    noun, finished = prediction.noun, len(prediction.finished)
    failed = follow(prediction.unreadable, Pace(len(prediction.unreadable), noun))
    inputs = counted(len(prediction.jobs), noun)
    note(f"{config.model.title} of step {prediction.step}, {inputs}")
    for line in prediction.notes():
        note(line)
    pace = Pace(len(prediction.jobs) - finished, noun)
    with raising_signals():
        try:
            missing = follow(prediction.run(), pace)
        except (KeyboardInterrupt, Terminated):
            done = f"{pace.done + finished} of {inputs}"
            advice = "The same command again continues."
            print(f"jaxseg: stopped after {done}. {advice}", file=sys.stderr)
            raise
    parts = [f"{counted(pace.total - missing, noun)} written to {options.output}"]
    parts += [f"{finished} finished before"] if finished else []
    note(", ".join([*parts, f"{failed + missing} failed"]))
    return 1 if failed + missing else 0


def refuse_idle(options: Arguments) -> None:
    """Raises ValueError if an option is set that other options make ineffective."""
    if options.tta and options.scales != (1.0,):
        raise ValueError(
            f"scales={options.scales} is invalid with --tta: expected one of the two, "
            "because --tta chooses the scales. Leave out --scales, or pass --flip "
            "instead of --tta."
        )
    averages = options.averaging.ensemble or options.averaging.dropout_samples
    if not (averages or options.tta or options.flip or options.scales != (1.0,)):
        needs = "--scales, --flip, --ensemble or --dropout-samples"
        refuse_unused(options.averaging, ("average",), needs=needs)
    for modes, group, names in (
        (("slide",), options.windows, ("blend", "accumulate")),
        (("slide", "tile"), options.windows, ("stride", "devices")),
        (("slide", "tile", "exact"), options.windows, ("window", "large_above")),
        (("exact",), options.exact, None),
    ):
        if options.mode not in modes:
            refuse_unused(group, names, needs=f"--mode {' or '.join(modes)}")


def refuse_others(options: Arguments, allowed: tuple[str, ...] | None) -> None:
    """Raises ValueError if an option is set that does not apply to the run's inputs.

    For example, windows do not apply to point clouds.

    Args:
      options: The options of the command.
      allowed: The names of the options that apply, or None if all do.
    """
    groups = (options, options.refining, options.windows, options.averaging)
    groups += (options.pictures, options.exact)
    for holder in groups if allowed else ():
        for field in dataclasses.fields(holder):
            value = getattr(holder, field.name)
            if value in groups[1:] or field.name in allowed:
                continue
            if value != field.default:
                raise ValueError(
                    f"{field.name}={value!r} is invalid for a network of point clouds: "
                    f"expected no options but {', '.join(allowed)}. Leave out "
                    "this option."
                )


def request_of(options: Arguments, config: Config) -> Request:
    """Converts the options of the command to a `Request`.

    Args:
      options: The options of the command.
      config: The configuration of the run.
    """
    windows = options.windows
    segment = PredictOptions(
        mode=options.mode,
        window=windows.window,
        stride=windows.stride,
        blend=windows.blend,
        accumulate=windows.accumulate,
        devices=windows.devices or jax.local_device_count(),
        scales=PSPNET_SCALES if options.tta else options.scales,
        flip=options.flip or options.tta,
        batch_size=options.batch_size,
        multiple=options.pad_multiple or config.data.eval_multiple,
        dataset=options.dataset,
        refinement=options.refining.refinement,
        averaging=options.averaging.averaging(options.pictures.maps),
        limits=options.exact.limits(),
    )
    return Request(
        inputs=options.images,
        output=options.output,
        workdir=options.workdir,
        ensemble=options.averaging.ensemble,
        calibrated=options.averaging.calibrated,
        checkpoint=options.checkpoint,
        verify=options.digest,
        segment=segment,
        reading=options.data.over(config.data),
        overlay=options.overlay,
        probabilities=options.probabilities,
        samples=options.samples,
        map_format=options.pictures.map_format,
        attention=options.pictures.attention,
        crf_steps=options.pictures.crf_steps,
        further=tuple(dict.fromkeys(options.write)),
        buckets=options.buckets,
        overwrite=options.overwrite,
        large_above=options.windows.large_above,
        report=note,
        stop=options.on_bad_file == "stop",
    )
