"""Describes STARE: vessels in 20 retinal photographs."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data import mask_binary
from jaxseg.data.datasets import retina
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.layouts import Pair, require_folder

TRAIN = ("0001", "0002", "0003", "0004", "0005", "0044", "0077", "0081", "0082", "0139")


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Pairs the photographs of STARE with the masks of one annotator.

    Attributes:
      annotator: The initials of the annotator in the file names, "ah" or "vk".
    """

    annotator: str = "ah"

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split."""
        del lists  # This layout has no lists.
        require_folder(root)
        one = self.annotator
        images = retina.named_files(root / "stare-images", r"(im\d+)\.ppm(?:\.gz)?")
        masks = retina.named_files(
            root / f"labels-{one}", rf"(im\d+)\.{one}\.ppm(?:\.gz)?"
        )
        pairs = [pair for pair in retina.eye_pairs(images, masks) if pair.name in masks]
        first = {f"im{number}" for number in TRAIN}
        return {
            "train": [pair for pair in pairs if pair.name in first],
            "validation": [pair for pair in pairs if pair.name not in first],
        }


DATASET = Dataset(
    name="stare",
    title="STARE: vessels in 20 retinal photographs of 605x700 pixels.",
    spec=retina.spec_of("stare"),
    layout=Eyes(),
    labels=mask_binary.LABELS,
    read_values=mask_binary.read_binary,
    counts={"train": 10, "validation": 10},
    options=(
        Option(
            "annotator",
            (
                Choice("ah", "the annotator Adam Hoover"),
                Choice(
                    "vk",
                    "the annotator Valentina Kouznetsova, in both splits",
                    {"layout.annotator": "vk"},
                ),
            ),
        ),
    ),
    files=(
        "The files are stare-images/im0001.ppm.gz, labels-ah/im0001.ah.ppm.gz and "
        "labels-vk/im0001.vk.ppm.gz, from three tar files. They can also be "
        "decompressed (.ppm)."
    ),
    page="https://cecas.clemson.edu/~ahoover/stare/probing/index.html",
    citation="""@article{hoover2000locating,
  title={Locating blood vessels in retinal images by piecewise threshold probing of a
    matched filter response},
  author={Hoover, A D and Kouznetsova, Valentina and Goldbaum, Michael},
  journal={IEEE Transactions on Medical Imaging},
  volume={19},
  number={3},
  pages={203--210},
  year={2000}
}""",
    notes=(
        "The first ten photographs by name are the training split, as in "
        "mmsegmentation and bob; other works leave one photograph out. Photographs "
        "without a mask are left out. The release has no fields of view, so all "
        "pixels count."
    ),
)
