"""Implements `jaxseg export`, which writes a trained network for other runtimes.

The suffix of the file selects the format. Before the command reports success, it reads
the file back, runs it in the runtime of its format and compares the results with those
of `jaxseg predict`. A file that differs by more than a small bar is removed.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from jaxseg._api import Run, open_run
from jaxseg.cli.arguments import parsed
from jaxseg.inference.export.formats import FORMATS, Format, format_of
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.program import Program
from jaxseg.inference.export.verification import compare
from jaxseg.runs.config_file import take_options
from jaxseg.runs.rules import each, optional, text, whole
from jaxseg.storage import atomic
from jaxseg.storage.places import check_file
from jaxseg.text import as_message

BOUNDS = {
    "checkpoint": text(),
    "size": optional(each(whole(1, 65_536))),
    "batch": optional(whole(1, 65_536)),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Write a trained network to a file that runs without jaxseg.

    The file takes images as they are stored, such as uint8 [B, H, W, 3], and contains
    their normalization. It returns the probabilities of the classes, float32
    [B, H, W, K], or the classes with --argmax.

    Network options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    workdir: tyro.conf.Positional[Path]
    """Run directory that `jaxseg train` or `jaxseg convert` has written."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write, whose suffix selects the format: .stablehlo or .onnx."""
    argmax: tyro.conf.FlagCreatePairsOff[bool] = False
    """Return the most probable class of each pixel, uint8 [B, H, W] (uint16 for more
    than 256 classes), instead of the probabilities of all classes."""
    size: tuple[int, int] | None = None
    """Height and width of the images. By default they are those of data.crop."""
    any_size: tyro.conf.FlagCreatePairsOff[bool] = False
    """Let the file take images of any height and width."""
    batch: int | None = None
    """Number of images in a call. By default a call takes any number of images, or one
    image if the format cannot leave the number open."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them."""


def main(argv: list[str]) -> int:
    """Writes and checks the file; the exit status is 1 if its results are wrong."""
    network_options, rest = take_options(argv)
    options = parsed(Arguments, rest, prog="jaxseg export", bounds=BOUNDS)
    kind = format_of(options.output)
    kind.check_packages()
    check_file("output", options.output)
    check_sizes(options, kind)
    run = open_run(
        options.workdir,
        checkpoint=options.checkpoint,
        model_options=network_options,
        verify=options.digest,
    )
    program = program_of(run, options, kind)
    header = describe(program, network=run.config.model.name, step=run.step)
    print(f"{run.config.model.title} of step {run.step}", flush=True)
    with atomic.replacing(options.output) as temporary:
        kind.write(program, header, temporary)
        report_on(run, program, kind, temporary)
    megabytes = options.output.stat().st_size / 1e6
    print(as_message(f"{options.output} written, {megabytes:.1f} MB"))
    return 0


def check_sizes(options: Arguments, kind: Format) -> None:
    """Raises ValueError if the options of the size exclude each other.

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


def program_of(run: Run, options: Arguments, kind: Format) -> Program:
    """Returns the program that the options select.

    Args:
      run: The trained network.
      options: The options of the command.
      kind: The format of the file.
    """
    size = None if options.any_size else options.size or run.config.data.crop
    return Program.of(
        run.segmenter,
        run.variables,
        output="classes" if options.argmax else "probabilities",
        size=size,
        batch=options.batch or (None if kind.any_batch else 1),
    )


def report_on(run: Run, program: Program, kind: Format, path: Path) -> None:
    """Compares the file with `jaxseg predict` and prints the differences.

    Args:
      run: The trained network.
      program: What the file should compute.
      kind: The format of the file.
      path: The file.

    Raises:
      ValueError: If the results of the file are wrong.
    """
    for found in compare(run.segmenter, program, kind, path):
        print(f"compared with predict, {found}", flush=True)
        if not found.passes:
            raise ValueError(
                f"The {kind.title} file is wrong and was removed: at "
                f"{found.size[0]} x {found.size[1]} pixels, {found.difference:.2g} "
                f"{found.unit}, and at most {found.bar:g} is accepted. Export to "
                "another format."
            )
