"""Implements `jaxseg verify FILE`, which repeats the evaluation of a receipt.

A receipt is a file that `jaxseg eval --receipt` has written. The exit status is 1 if
data, weights or counts differ from it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.receipts.comparison import Comparison
from jaxseg.receipts.receipt import Receipt, read_receipt
from jaxseg.receipts.verification import Place, verify
from jaxseg.runs.bounds import BOUNDS as CONFIGURATION
from jaxseg.runs.rules import each, optional, text, whole
from jaxseg.text import as_message, counted
from jaxseg.training.devices import selection

SHOWN = 20  # The number of differences that are printed.


@dataclasses.dataclass(frozen=True)
class Folders:
    """Sets the folders of the data on which the network is evaluated again.

    Attributes:
      raw_dir: Folder with the original files of the dataset. The default is the
        folder that the evaluation has used.
      prepared_dir: Folder for the prepared dataset. The default is the folder that the
        evaluation has used.
      module: Modules of builders of tensorflow_datasets that the receipt names and that
        may be executed.
    """

    raw_dir: str | None = None
    prepared_dir: str | None = None
    module: tuple[str, ...] = ()


FOLDERS = Folders()


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Repeat the evaluation of a receipt, and compare all counts.

    The exit status is 1 if an image, a label, a weight or a count differs.
    """

    receipt: tyro.conf.Positional[Path]
    """File that `jaxseg eval --receipt` has written."""
    workdir: str | None = None
    """Run directory. The default is the one that the receipt names."""
    batch_size: int = 8
    """Number of images per batch. It does not change the confusion counts."""
    devices: int | None = None
    """Number of devices to use. By default all devices are used."""
    data: Annotated[Folders, tyro.conf.arg(name="data")] = FOLDERS


BOUNDS = {
    "workdir": optional(text()),
    "batch_size": whole(1),
    "devices": optional(whole(1)),
    "data.raw_dir": CONFIGURATION["data.raw_dir"],
    "data.prepared_dir": optional(text()),
    "data.module": each(text()),
}


def main(argv: list[str]) -> int:
    """Verifies a receipt; the exit status is 1 if anything differs, else 0."""
    options = parsed(Arguments, argv, prog="jaxseg verify", bounds=BOUNDS)
    stored, intact = read_receipt(options.receipt)
    place = Place(
        workdir=options.workdir,
        raw_dir=options.data.raw_dir,
        prepared_dir=options.data.prepared_dir,
        modules=options.data.module,
        batch_size=options.batch_size,
        devices=tuple(selection.choose(options.devices)),
    )
    comparison = verify(stored, place, intact=intact)
    if jax.process_index() == 0:
        about = stored.evaluation
        images = counted(len(stored.images), "image")
        print(
            as_message(
                f"{about['model']} at step {about['step']}, {images} of "
                f"{stored.dataset['name']} {about['split']}"
            )
        )
        show(stored, comparison)
    return 0 if comparison.agrees else 1


def show(stored: Receipt, comparison: Comparison) -> None:
    """Prints the differences, and whether the receipt is verified.

    Args:
      stored: The receipt.
      comparison: The differences between the receipt and the new evaluation.
    """
    differences = (*comparison.inputs, *comparison.counts)
    for line in differences[:SHOWN]:
        print(as_message(f"differs: {line}"))
    if len(differences) > SHOWN:
        print(f"and {counted(len(differences) - SHOWN, 'further difference')}")
    for line in comparison.notes:
        print(as_message(f"note: {line}"))
    if comparison.agrees:
        pixels = int(stored.total().sum())
        print(f"verified: data, weights and the counts of {pixels:,} pixels agree")
        return
    print("not verified" + _reason(comparison))


def _reason(comparison: Comparison) -> str:
    """Returns what can explain other counts if all inputs are equal."""
    if comparison.inputs:
        return ""
    return (
        ": data and weights agree and counts differ. Another program or another type "
        "of device rounds differently, which can change the class of pixels whose two "
        "largest probabilities are almost equal."
    )
