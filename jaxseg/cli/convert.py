"""Implements `jaxseg convert`, which converts weights from and to other libraries.

The conversion does not need PyTorch. If the output is a directory, it becomes a run
directory that `jaxseg predict` and `jaxseg eval` read. If the output is a file, it
contains only the arrays. In a `.safetensors` or `.npz` file they have the names of
jaxseg, or those of a PyTorch library if `--export-names` is given. In a `.pth` file
they always have the names of a PyTorch library.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.verbosity import note
from jaxseg.data.spec import MOST_CHANNELS
from jaxseg.runs.config_file import take_options
from jaxseg.runs.conversion import (
    compare,
    convert,
    model_card,
    notes,
    write_directory,
)
from jaxseg.runs.remote.writing import written_run
from jaxseg.runs.rules import optional, text, whole
from jaxseg.runs.wanted import Wanted
from jaxseg.runs.weights_file import write_file
from jaxseg.storage import atomic
from jaxseg.storage.address import is_address
from jaxseg.storage.places import check_file, check_folder
from jaxseg.weights import SOURCES
from jaxseg.weights.catalog.library_names import check_library
from jaxseg.weights.formats import files
from jaxseg.weights.loading import Taking
from jaxseg.weights.translate.refused import Refused

BOUNDS = {
    "source": text(),
    "output": text(),
    "num_classes": optional(whole(1, 65_535)),
    "component": optional(text()),
    "channels": optional(whole(1, 1_024)),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Convert weights: SOURCE -o OUTPUT --model NAME.

    Network options are given as --model.options.NAME VALUE, such as
    --model.options.output_stride 16.
    """

    source: tyro.conf.Positional[str]
    """Weights to convert: a .pth, .pt, .safetensors or .npz file, a run directory,
    hf://org/name/file, or a name that `jaxseg models --pretrained` lists."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """A new directory, or a .safetensors, .npz or .pth file."""
    model: str = ""
    """Name of the network; `jaxseg models` lists all names. By default the network is
    inferred from the source. With --backbone, it is the name of a family, such as
    deeplabv3plus."""
    backbone: str = ""
    """Name of the backbone, if --model names a family; `jaxseg models --backbones`
    lists all names."""
    num_classes: int | None = None
    """Number of classes. By default it is read from the source."""
    component: str | None = None
    """Load only this part of the network, such as backbone, and initialize the other
    parameters at random."""
    allow_missing: tuple[str, ...] = ()
    """Patterns of parameter paths, such as 'head/*'. Matching parameters that the
    source does not contain are initialized at random."""
    allow_unused: tuple[str, ...] = ()
    """Patterns of keys in the source. A matching key may remain unused; any other
    unused key is an error."""
    entry: str = ""
    """Key in the source file under which the weights are stored, or the prefix of all
    their keys."""
    channels: int | None = None
    """Number of image channels, at most 32 for a run directory. The kernel of the first
    convolution is adapted to it. By default it is read from the source.
    """
    export_names: str = ""
    """Library, such as torchvision, whose parameter names the output file uses.
    `jaxseg convert --list` lists the libraries. By default a .pth file uses the names
    of the library that the source comes from, and other files use those of jaxseg."""
    digest: bool = True
    """If the source is a run directory, compare its weights with the stored digest, and
    end with an error if they differ."""
    verify: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also run the network in the library that the source comes from, if it is
    installed, and compare the logits."""


def main(argv: list[str]) -> int:
    """Converts weights and prints the report on the import; the exit status is 0."""
    if "--list" in argv:
        print(listed())
        return 0
    try:
        return _convert(argv)
    except Refused as error:
        raise ValueError(error.on_command_line()) from error


def _convert(argv: list[str]) -> int:
    given, rest = take_options(argv)
    options = parsed(Arguments, rest, prog="jaxseg convert", bounds=BOUNDS)
    with _destination(options.output) as output:
        _write(options, given, output)
    note(f"written     {options.output}")
    return 0


@contextlib.contextmanager
def _destination(output: str) -> Iterator[pathlib.Path]:
    """Yields the local path of the output; a run in a bucket is uploaded at the end."""
    if not is_address(output):
        yield pathlib.Path(output)
        return
    if pathlib.PurePosixPath(output).suffix:
        raise ValueError(
            f"output={output!r} is invalid: expected the address of a run directory, "
            "whose name contains no dot. Files of weights can be written to local "
            "paths only."
        )
    with written_run("output", output) as folder:
        yield folder


def _write(options: Arguments, given: Mapping[str, Any], output: pathlib.Path) -> None:
    """Converts the weights and writes them to a local path."""
    _check_output(output)
    if options.export_names:
        check_library(options.export_names)
    if os.path.realpath(output) == os.path.realpath(options.source):
        raise ValueError(
            f"output={str(output)!r} is invalid: expected a path other than that of "
            "the source, because the source would be replaced. Choose another -o."
        )
    _check_channels(options.channels, output)
    result = convert(
        options.source,
        _wanted(options, given),
        Taking(allow_missing=options.allow_missing, allow_unused=options.allow_unused),
        digest=options.digest,
    )
    report = result.report
    if options.verify:
        report = dataclasses.replace(report, difference=compare(result))
    network = result.network
    print(f"model       {network.config.model.title}, {network.num_classes} classes")
    if network.config.model.options:
        chosen = network.config.model.options.items()
        print("options     " + ", ".join(f"{k}={v!r}" for k, v in chosen))
    print(report)
    atomic.sweep(output.absolute().parent)
    if output.suffix:
        write_file(result, output, options.export_names)
    else:
        write_directory(result, model_card(result), output)
        for line in notes(result):
            note(f"note        {line}", file=sys.stderr)


def _wanted(options: Arguments, given: Mapping) -> Wanted:
    return Wanted(
        options.model,
        backbone=options.backbone,
        options=given,
        num_classes=options.num_classes,
        part=options.component,
        channels=options.channels,
        entry=options.entry,
    )


def _check_output(output: pathlib.Path) -> None:
    """Raises ValueError if the output exists or has an unknown suffix."""
    if not output.suffix and output.is_dir() and any(output.iterdir()):
        raise ValueError(
            f"output={str(output)!r} is invalid: expected a new or empty directory. "
            "Choose another -o."
        )
    if output.suffix and output.suffix not in files.WRITERS:
        allowed = ", ".join(files.WRITERS)
        raise ValueError(
            f"output={str(output)!r} is invalid: expected a directory or a file with "
            f"one of the suffixes {allowed}. Choose another -o."
        )
    (check_file if output.suffix else check_folder)("output", output)


def _check_channels(channels: int | None, output: pathlib.Path) -> None:
    """Raises ValueError if a run directory has more channels than a dataset can."""
    if not output.suffix and channels is not None and channels > MOST_CHANNELS:
        raise ValueError(
            f"channels={channels} is invalid: expected 1 to {MOST_CHANNELS} for a run "
            "directory, because jaxseg reads no images with more channels. Choose a "
            "file such as -o weights.npz."
        )


def listed() -> str:
    """Returns text that lists supported checkpoints and the networks that load them."""
    lines = []
    for source in SOURCES:
        names = dict.fromkeys(row.title for row in source.networks)
        on = f" on {source.backbone}" if source.backbone else ""
        takes = ", ".join(names) or f"a backbone, as for {source.example}{on}"
        lines.append(f"{source.library:28} {source.name:34} {takes}")
    return "\n".join(lines)
