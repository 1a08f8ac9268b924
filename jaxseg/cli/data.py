"""Implements `jaxseg data TOOL ...`, which checks, shows and describes datasets.

jaxseg data check DIR                   finds bad files, values and duplicates
jaxseg data show DIR                    writes augmented training examples
jaxseg data audit CONFIG.py --folds 2   ranks masks that are probably wrong
jaxseg data list                        lists the datasets
jaxseg data where NAME                  says which files a dataset needs
jaxseg data polygons FILE --images DIR -o OUT    converts polygons to masks
"""

from __future__ import annotations

import dataclasses
import importlib
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.help.layout import tools_usage
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.listing import listing
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.tfds_name import is_tfds
from jaxseg.storage.places import check_folder
from jaxseg.text import as_message, counted, near, printable

TOOLS = {  # name -> (module and function, one line)
    "check": ("data_check.main", "find bad files, values and duplicates"),
    "show": ("data_show.main", "write augmented training examples as pictures"),
    "audit": ("data_audit.main", "rank masks that are probably wrong"),
    "list": ("data.list_datasets", "list the datasets"),
    "where": ("data.where", "say which files a dataset needs, and where they are"),
    "polygons": ("data.polygons", "convert polygon annotations to a folder of masks"),
}


def main(argv: list[str]) -> int:
    """Runs the tool that the first argument names, and returns its exit status."""
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return ExitCode.SUCCESS if argv else ExitCode.WRONG_LINE
    name, *rest = argv
    if name not in TOOLS:
        print(
            f"jaxseg: data tool={printable(repr(name))} is invalid{near(name, TOOLS)}",
            file=sys.stderr,
        )
        return ExitCode.WRONG_LINE
    module, function = TOOLS[name][0].split(".")
    return getattr(importlib.import_module(f"jaxseg.cli.{module}"), function)(rest)


def forms() -> dict[str, type]:
    """Returns a dictionary from each tool's name to the dataclass of its options."""
    from jaxseg.cli import data_audit, data_check, data_show

    return {
        "check": data_check.Arguments,
        "show": data_show.Arguments,
        "audit": data_audit.Arguments,
        "list": Listing,
        "where": Where,
        "polygons": Polygons,
    }


def usage() -> str:
    """Returns the text of `jaxseg data --help`."""
    rows = {name: line for name, (_, line) in TOOLS.items()}
    return tools_usage("data", "Checks, shows and describes data.", rows)


@dataclasses.dataclass(frozen=True)
class Listing:
    """List the datasets with their variants."""


def list_datasets(argv: list[str]) -> int:
    """Prints the table of the supported datasets; the exit status is 0."""
    parsed(Listing, argv, prog="jaxseg data list", bounds={})
    print(listing())
    return 0


@dataclasses.dataclass(frozen=True)
class Where:
    """Say which files a dataset needs, where to get them and under which terms."""

    name: tyro.conf.Positional[str]
    """Dataset; `jaxseg data list` lists all names."""
    variant: tuple[str, ...] = ()
    """Variant of the dataset, as for the option --data.variant of `jaxseg train`."""


def where(argv: list[str]) -> int:
    """Prints the description of a dataset and the command that trains on it.

    The exit status is 0.
    """
    options = parsed(Where, argv, prog="jaxseg data where", bounds={})
    name = options.name
    if is_tfds(name):
        raise ValueError(
            f"name={name!r} is invalid: expected a name that `jaxseg data list` lists. "
            "If files of this dataset must be downloaded by hand, "
            f"`jaxseg train --data.name {name}` names them."
        )
    if name not in DATASETS:
        raise ValueError(f"name={name!r} is invalid{near(name, DATASETS)}")
    shown = described(DATASETS[name].choose(options.variant))
    for heading, text in shown.items():
        print(f"{heading}:")
        print("\n".join(f"  {line}" for line in text.splitlines()))
    return 0


def described(record: Dataset) -> dict[str, str]:
    """Returns the description of a dataset, divided into sections.

    Args:
      record: The dataset, or the variant of it that the user has chosen.

    Returns:
      A dictionary from the heading of each section to its text. The title and the files
      come first.
    """
    shown, generated = record.describe(), record.drawing is not None
    if generated:
        shown["files"] = "None, because the examples are generated."
    if record.page and not record.license:
        shown["license"] = "Not recorded here; see the page."
    command = f"jaxseg train --data.name {record.name}"
    command += "" if generated else " --data.raw-dir DIR"
    if record.variant:
        command += f" --data.variant {' '.join(record.variant)}"
    shown["command"] = command
    first = [h for h in ("title", "files", "page", "license", "command") if h in shown]
    return {heading: shown[heading] for heading in dict.fromkeys([*first, *shown])}


@dataclasses.dataclass(frozen=True)
class Polygons:
    """Convert polygon annotations to a folder of masks for training.

    The annotations are one file in the format of COCO, labelme, Label Studio or
    Cityscapes, or a folder of JSON files in the format of labelme or Cityscapes.
    """

    annotations: tyro.conf.Positional[Path]
    """File or folder of the annotations."""
    images: Path
    """Folder of the image files."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """New folder for the images, the masks and classes.txt."""
    classes: tuple[str, ...] = ()
    """Class names in the order of their indices. By default they are read from the
    annotations."""
    outside: str = "void"
    """Class of the pixels outside of all annotated shapes. 'void' excludes these
    pixels from the loss and the scores."""
    overlap: Literal["later", "smaller", "void"] = "later"
    """Class of the pixels inside several annotated shapes. 'later' means the class
    of the last shape in the file, and 'smaller' the class of the smallest shape. 'void'
    excludes these pixels from the loss and the scores."""
    void_labels: tuple[str, ...] = ()
    """Annotation labels whose pixels are excluded from the loss and the scores."""


def polygons(argv: list[str]) -> int:
    """Converts polygon annotations to masks and prints the command that trains on them.

    The exit status is 0.
    """
    options = parsed(Polygons, argv, prog="jaxseg data polygons", bounds={})
    for option in ("annotations", "images"):
        path = getattr(options, option)
        if not path.exists() or (option == "images" and not path.is_dir()):
            expected = "a folder" if option == "images" else "a file or a folder"
            raise ValueError(
                f"{option}={str(path)!r} is invalid: expected {expected} that exists. "
                "Correct the path."
            )
    check_folder("output", options.output)
    from jaxseg.data.polygons import DrawRules, read_annotations, write_folder

    names, images = read_annotations(options.annotations)
    named = tuple(name for name in names if name not in options.void_labels)
    rules = DrawRules(
        options.classes or named,
        outside=options.outside,
        overlap=options.overlap,
        void_labels=options.void_labels,
    )
    if len(rules.classes) == 1:
        (only,) = rules.classes
        example = shlex.join(["background", only, "--outside", "background"])
        raise ValueError(
            f"classes={rules.classes} is invalid: expected at least two classes, "
            "because the pixels of the background need a class, too. Pass, for "
            f"example, --classes {example}."
        )
    count = write_folder(images, rules, source=options.images, target=options.output)
    classes = counted(len(rules.classes), "class", "classes")
    print(as_message(f"{counted(count, 'image')} with {classes} in {options.output}"))
    print(as_message(f"train with: {train_command(options.output, count)}"))
    return 0


def train_command(folder: Path, count: int) -> str:
    """Returns the command that trains on a folder whose only split is `train`.

    The last tenth of the images is held out for evaluation. If there are fewer than ten
    images, only the last one is held out. A single image is used for both training and
    evaluation.

    Args:
      folder: The folder of images and masks.
      count: The number of images.
    """
    border = "90%" if count >= 10 else str(count - 1)
    splits = (f"train[:{border}]", f"train[{border}:]") if count > 1 else ("train",) * 2
    words = ["jaxseg", "train", "--data.name", "folder", "--data.raw-dir", str(folder)]
    words += ["--data.train-split", splits[0], "--data.eval-split", splits[1]]
    return shlex.join(words)
