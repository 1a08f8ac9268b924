"""Implements `jaxseg data show`, which draws augmented training examples."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from jaxseg.cli.data_options import BOUNDS as DATA_BOUNDS
from jaxseg.cli.data_options import naming_check, parse_target
from jaxseg.cli.verbosity import note
from jaxseg.config import DataConfig
from jaxseg.runs.default import DEFAULT
from jaxseg.runs.rules import INT32, whole
from jaxseg.storage.places import check_folder
from jaxseg.text import counted

BOUNDS = DATA_BOUNDS | {
    "count": whole(1, 1_000),
    "seed": whole(0, INT32),
    "first": whole(),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Write augmented training examples exactly as the network sees them.

    The examples of the training stream are numbered from 0. For example number N,
    N_image.png shows the pixels after scaling, cropping, mirroring and color changes,
    and N_overlay.png also shows the label. sheet.png shows all examples with the random
    parameters of their augmentation. examples.json contains these parameters.
    """

    target: Annotated[str | None, tyro.conf.Positional] = None
    """Name of a dataset, a folder of images and masks, or a configuration file. It must
    be the first argument.
    """
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])] = "data_show"
    """Directory for the pictures and examples.json."""
    count: int = 8
    """Number of training examples to show."""
    seed: int = DEFAULT.train.seed
    """Seed of the training run, as for the option --train.seed of `jaxseg train`."""
    first: int = 0
    """Number of the first example in the training stream. Training step S
    starts at example S * B, where B is the batch size."""
    data: DataConfig = DEFAULT.data


def main(argv: list[str]) -> int:
    """Writes pictures of augmented training examples; the exit status is 0."""
    options = parse_target(Arguments, argv, prog="jaxseg data show", bounds=BOUNDS)
    if options.data.mix:
        raise ValueError(
            "data.mix is invalid for `jaxseg data show`: expected one dataset. Pass "
            "the name or the folder of one of the datasets."
        )
    check_folder("output", options.output)
    # Imported here: the help needs no input pipeline.
    from jaxseg.audit.examples import training_examples
    from jaxseg.audit.sheet import write_examples
    from jaxseg.data.opening import open_source

    with naming_check(options.data):
        source = open_source(options.data, options.data.train_split)
    examples = training_examples(
        source,
        options.data,
        seed=options.seed,
        positions=range(options.first, options.first + options.count),
    )
    sheet = write_examples(examples, source.spec, Path(options.output))
    shown = counted(len(examples), "example")
    note(f"{shown} of {options.data.train_split}: {sheet}")
    return 0
