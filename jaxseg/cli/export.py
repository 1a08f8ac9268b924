"""Implements `jaxseg export`, which writes a trained network for other runtimes.

The suffix of the file selects the format. Before the command reports success, it reads
the file back, runs it in the runtime of its format and compares the results with those
of `jaxseg predict`. If they differ by more than a tolerance, it removes the file.

`jaxseg export WORKDIR --web DIR` writes a web page with the network instead, which
segments images in the browser.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro

from jaxseg._api import Run, open_run
from jaxseg.cli.arguments import parsed
from jaxseg.cli.verbosity import note
from jaxseg.inference.export.formats import FORMATS, Format, format_of
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.program import Program
from jaxseg.inference.export.verification import compare
from jaxseg.inference.export.web import page, runtime
from jaxseg.inference.predict_options import PredictOptions
from jaxseg.inference.segmenter import Segmenter
from jaxseg.runs.config_file import take_options
from jaxseg.runs.rules import each, optional, text, whole
from jaxseg.storage import atomic
from jaxseg.storage.places import check_file, check_folder

STRIDE = 32  # The deepest maps of most networks have a cell for 32 x 32 pixels.
BOUNDS = {
    "checkpoint": text(),
    "size": optional(each(whole(1, 65_536))),
    "batch": optional(whole(1, 65_536)),
    "pad_multiple": optional(whole(1, 65_536)),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Write a trained network to a file that runs without jaxseg.

    The file takes images as they are stored, such as uint8 [B, H, W, 3] for B images,
    and contains their normalization. It returns the probabilities of the K classes,
    float32 [B, H, W, K], or with --argmax the class of each pixel.

    Network options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    workdir: tyro.conf.Positional[Path]
    """Run directory that `jaxseg train` or `jaxseg convert` has written."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """File to write, whose suffix selects the format: .stablehlo, .onnx, .tflite or
    .vmfb (IREE)."""
    web: Path | None = None
    """Folder to write instead of a file: a web page that segments images in the
    browser. It must be new or empty. The page takes images of any size, unless --size
    is given."""
    runtime: Path | None = None
    """Folder with the files of the npm package onnxruntime-web, for --web. By default
    the package is downloaded from registry.npmjs.org."""
    argmax: tyro.conf.FlagCreatePairsOff[bool] = False
    """Return the most probable class of each pixel instead of the probabilities of all
    classes. The result for B images is uint8 [B, H, W], or uint16 for more than 256
    classes."""
    size: tuple[int, int] | None = None
    """Height and width of the images in pixels. The default is data.crop."""
    any_size: tyro.conf.FlagCreatePairsOff[bool] = False
    """Let the file take images of any height and width."""
    batch: int | None = None
    """Number of images in each call of the exported network. By default any number is
    accepted, or one image if the format needs a fixed number."""
    pad_multiple: int | None = None
    """Pad images inside the exported network to multiples of this number of pixels,
    with the mean color. The default is data.eval_multiple of the run, as in `jaxseg
    predict`. For images of any size, the default is the least common multiple of this
    value and 32, because most networks need sides that they can halve five times. For
    the same result, give `jaxseg predict` the same number as its --pad-multiple."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""


def main(argv: list[str]) -> int:
    """Writes and checks the exported file; the exit status is 1 if it is wrong."""
    network_options, rest = take_options(argv)
    options = parsed(Arguments, rest, prog="jaxseg export", bounds=BOUNDS)
    kind = kind_of(options)
    kind.check_packages()
    check_sizes(options, kind)
    run = open_run(
        options.workdir,
        checkpoint=options.checkpoint,
        model_options=network_options,
        verify=options.digest,
    )
    segmenter = run.make_segmenter(PredictOptions(multiple=padding(run, options)))
    program = program_of(segmenter, run, options, kind)
    header = describe(program, network=run.config.model.name, step=run.step)
    note(f"{run.config.model.title} of step {run.step}")
    with destination(options, header) as path:
        kind.write(program, header, path)
        report_on(segmenter, program, kind, path)
        megabytes = path.stat().st_size / 1e6
    note(f"{options.web or options.output} written, {megabytes:.1f} MB")
    if options.web:
        note(f"python -m http.server --directory {options.web} serves it")
    return 0


def kind_of(options: Arguments) -> Format:
    """Checks where the file is to be written, and returns its `Format`.

    Args:
      options: The options of the command.

    Raises:
      ValueError: If both or neither of --output and --web are given, or if the exported
        file or page cannot be written there.
    """
    if (options.web is None) == (options.output is None):
        raise ValueError(
            f"output={options.output}, web={options.web} is invalid: expected one of "
            "the two. Pass -o FILE or --web DIR."
        )
    if options.web is None:
        if options.runtime is not None:
            raise ValueError(
                f"runtime={str(options.runtime)!r} is invalid without --web: expected "
                "both or neither. Leave out --runtime, or pass --web DIR instead of -o."
            )
        check_file("output", options.output)
        return format_of(options.output)
    if options.web.exists() and not empty(options.web):
        raise ValueError(
            f"web={str(options.web)!r} is invalid: expected a new or empty folder. "
            "Choose another one."
        )
    check_folder("web", options.web)
    return FORMATS[".onnx"]


def empty(path: Path) -> bool:
    """Returns whether a path is a folder without files."""
    return path.is_dir() and not any(path.iterdir())


@contextlib.contextmanager
def destination(options: Arguments, header: dict) -> Iterator[Path]:
    """Returns a context manager for writing the exported file.

    With `--web`, the file is written into a new folder that contains a web page. The
    file, or this folder, gets its final name when the block ends.

    Args:
      options: The options of the command.
      header: The dictionary that describes the exported network: its classes, its
        input and its output.

    Yields:
      The temporary path to which the block writes the exported file.
    """
    if options.web is None:
        with atomic.replacing(options.output) as path:
            yield path
    else:
        files = runtime.files(options.runtime)
        with atomic.building(options.web) as folder:
            page.write(folder, header, files)
            yield folder / page.NETWORK


def check_sizes(options: Arguments, kind: Format) -> None:
    """Raises ValueError if the options that set the image size exclude each other.

    Args:
      options: The options of the command.
      kind: The format of the file.
    """
    if options.any_size and options.size is not None:
        raise ValueError(
            "any_size=True is invalid with --size: expected one of the two. Leave out "
            "--size."
        )
    if options.any_size and not kind.any_size:
        able = [suffix for suffix, other in FORMATS.items() if other.any_size]
        raise ValueError(
            f"any_size=True is invalid for {kind.title}: expected a format whose files "
            f"can take images of any size ({', '.join(able)}). Pass --size HEIGHT "
            "WIDTH instead."
        )


def padding(run: Run, options: Arguments) -> int:
    """Returns N: the exported network pads images to multiples of N pixels.

    Args:
      run: The trained network.
      options: The options of the command.
    """
    if options.pad_multiple is not None:
        return options.pad_multiple
    evaluated = run.config.data.eval_multiple
    any_size = options.any_size or (options.web is not None and not options.size)
    return math.lcm(evaluated, STRIDE) if any_size else evaluated


def program_of(
    segmenter: Segmenter, run: Run, options: Arguments, kind: Format
) -> Program:
    """Returns the function to export, as a `Program`.

    The function takes images, and returns the class of each pixel or the probabilities
    of all classes.

    Args:
      segmenter: The network with its preprocessing.
      run: The trained network.
      options: The options of the command.
      kind: The format of the file.
    """
    web = options.web is not None
    chosen = options.size or (None if web else run.config.data.crop)
    size = None if options.any_size else chosen
    program = Program.of(
        segmenter,
        run.variables,
        output="classes" if options.argmax or web else "probabilities",
        size=size,
        batch=options.batch or (None if kind.any_batch else 1),
    )
    if web:
        page.check(program)
    return program


def report_on(segmenter: Segmenter, program: Program, kind: Format, path: Path) -> None:
    """Compares the results of the file with `jaxseg predict`; prints the differences.

    Args:
      segmenter: The network with its preprocessing.
      program: The function that the file should compute.
      kind: The format of the file.
      path: The file.

    Raises:
      ValueError: If the results of the file are wrong.
    """
    multiple = segmenter.options.padding
    how = f" --pad-multiple {multiple}" if multiple > 1 else ""
    for found in compare(segmenter, program, kind, path):
        note(f"compared with predict{how}, {found}")
        if not found.passes:
            raise ValueError(
                f"The {kind.title} file is wrong and was removed. Compared with "
                f"`jaxseg predict` at {found.size[0]} x {found.size[1]} pixels, "
                f"{found.difference:.2g} {found.unit}: expected at most {found.bar:g}. "
                "Export to another format."
            )
