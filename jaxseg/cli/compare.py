"""Implements `jaxseg compare`, which checks the import of a PyTorch checkpoint.

    jaxseg compare deeplabv3.pth street.png
    jaxseg compare deeplabv3.pth street.png -o out    also writes a page and a JSON file
    jaxseg compare deeplabv3.pth street.png --imported RUN

The checkpoint runs in the library that it comes from, which must be installed, and in
jaxseg. Both networks get the same input. The command reports how much their logits and
masks differ, how long each network takes, and how each library preprocesses images.

The exit status is 0 if the logits agree and 1 if they differ by more than the
tolerance. If they differ, the message names the first layer whose output differs.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.verbosity import note
from jaxseg.inference.images import collect, size_of
from jaxseg.runs.config_file import take_options
from jaxseg.runs.rules import each, number, optional, text, whole
from jaxseg.runs.wanted import Wanted
from jaxseg.storage import atomic
from jaxseg.storage.places import check_folder, make_folder
from jaxseg.text import as_message
from jaxseg.weights.translate.refused import Refused

BOUNDS = {
    "checkpoint": text(),
    "imported": optional(text()),
    "num_classes": optional(whole(1, 65_535)),
    "seconds": number(0),
    "size": optional(each(whole(1, 65_536))),
    "tolerance": number(0),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Compare a PyTorch checkpoint with its import into jaxseg: CHECKPOINT IMAGE...

    Network options are given as --model.options.NAME VALUE, such as
    --model.options.output_stride 16.
    """

    checkpoint: tyro.conf.Positional[str]
    """Checkpoint of torchvision, segmentation_models.pytorch or MMSegmentation."""
    images: tyro.conf.Positional[tuple[str, ...]]
    """Image files, folders or patterns."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder for an HTML page, a JSON file and one picture for each image. Without it,
    the pictures are written to the current folder."""
    imported: str | None = None
    """Run directory or weight file that was converted from the checkpoint. By default
    the checkpoint is imported for this comparison."""
    model: str = ""
    """Name of the network. By default it is inferred from the checkpoint."""
    num_classes: int | None = None
    """Number of classes. By default it is read from the checkpoint."""
    entry: str = ""
    """Key in the file under which the weights are stored, or the prefix of all their
    keys."""
    size: tuple[int, int] | None = None
    """Height and width to which images are resized for both networks."""
    tolerance: float = 1e-4
    """Largest accepted difference of the logits, as a fraction of the largest absolute
    logit."""
    seconds: float = 6.0
    """Number of seconds for which the speed of both networks is measured. With 0, the
    speed is not measured."""
    effects: bool = True
    """Measure, for each preprocessing step that differs between the two libraries, how
    much it changes the logits and the labels."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the result as JSON instead of tables."""


def main(argv: list[str]) -> int:
    """Compares a checkpoint with its import; the exit status is 1 if logits differ."""
    try:
        return _compare(argv)
    except Refused as error:
        raise ValueError(" ".join(error.on_command_line().split("\n"))) from error
    except ValueError as error:
        raise ValueError(" ".join(str(error).split("\n"))) from error


def _compare(argv: list[str]) -> int:
    given, rest = take_options(argv)
    options = parsed(Arguments, rest, prog="jaxseg compare", bounds=BOUNDS)
    check_folder("output", options.output or Path())
    paths = collect(options.images)
    for path in paths:
        size_of(path)  # A file that cannot be read is an error before any computation.
    wanted = Wanted(
        options.model,
        options=given,
        num_classes=options.num_classes,
        entry=options.entry,
    )
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    from jaxseg.bench.compare.comparison import CompareOptions, compared
    from jaxseg.bench.compare.pair import open_pair
    from jaxseg.bench.compare.record import record

    with jax.default_device(jax.devices("cpu")[0]):  # PyTorch runs there as well.
        pair = open_pair(options.checkpoint, wanted, imported=options.imported or "")
        chosen = CompareOptions(
            options.tolerance, options.size, options.seconds, options.effects
        )
        found = compared(pair, paths, chosen)
    if options.json:
        print(json.dumps(record(found), indent=2))
    else:
        _print(found)
    for path in _written(found, options.output):
        note(f"written  {path}", file=sys.stderr)
    if not found.passed:
        print(f"jaxseg: {as_message(found.verdict)}", file=sys.stderr)
    return 0 if found.passed else 1


def _print(found) -> None:
    from jaxseg.bench.compare import text

    for part in (text.facts, text.logits, text.preprocessing):
        print(as_message(str(part(found)).lstrip("\n")), end="\n\n")
    for line in text.notes(found):
        print(as_message(line))
    if found.speed is not None:
        print()
        print("\n".join(found.speed.lines()))
    if found.passed:
        print(f"\n{found.verdict}")


def _written(found, output: Path | None) -> list[Path]:
    """Writes the pictures and, to a folder, the page and the JSON file."""
    from jaxseg.bench.compare.page import page
    from jaxseg.bench.compare.picture import picture
    from jaxseg.bench.compare.record import record

    folder = output or Path()
    if output:
        make_folder("output", folder)
    paths, pictures = [], []
    for image in found.images:
        content = picture(found, image)
        stem = Path(image.path).stem
        paths.append(folder / f"{stem}_compare.png")
        pictures.append(content)
        atomic.write_bytes(paths[-1], content)
    if output:
        paths.append(folder / "compare.json")
        atomic.write_text(paths[-1], json.dumps(record(found), indent=2) + "\n")
        paths.append(folder / "index.html")
        atomic.write_text(paths[-1], page(found, pictures))
    return paths
