"""Describes CHASE_DB1: vessels in 28 retinal photographs of children."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data import mask_binary
from jaxseg.data.datasets import retina
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.layouts import Pair

FIRST = 20  # The images 01L to 10R; the images 11L to 14R follow.


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Pairs the photographs and the masks of CHASE_DB1, which are in one folder.

    Attributes:
      annotator: The human observer whose masks are read: "1stHO" or "2ndHO". The names
        of the mask files contain this text.
      first_for_training: If True, the first 20 photographs are for training and the
        last 8 for validation. If False, the last 8 are for training and the first 20
        for validation.
    """

    annotator: str = "1stHO"
    first_for_training: bool = True

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split."""
        del lists  # This layout has no lists.
        pairs = retina.eye_pairs(
            retina.named_files(root, r"Image_(\d\d[LR])\.jpg"),
            retina.named_files(root, rf"Image_(\d\d[LR])_{self.annotator}\.png"),
        )
        parts = [[], []]
        for pair in pairs:
            parts[int(pair.name[:2]) > FIRST // 2].append(pair)
        train, validation = parts if self.first_for_training else parts[::-1]
        return {"train": train, "validation": validation}


DATASET = Dataset(
    name="chase_db1",
    title="CHASE_DB1: vessels in 28 retinal photographs of 960x999 pixels.",
    spec=retina.spec_of("chase_db1"),
    layout=Eyes(),
    labels=mask_binary.LABELS,
    read_values=mask_binary.read_binary,
    counts={"train": 20, "validation": 8},
    options=(
        Option(
            "split",
            (
                Choice("first-20", "training on 01L to 10R, as in mmsegmentation"),
                Choice(
                    "last-8",
                    "training on 11L to 14R and validation on 01L to 10R, as in bob",
                    {
                        "layout.first_for_training": False,
                        "counts": {"train": 8, "validation": 20},
                    },
                ),
            ),
        ),
        Option(
            "annotator",
            (
                Choice("first-annotator", "the first annotator, 1stHO"),
                Choice(
                    "second-annotator",
                    "the second annotator, 2ndHO, in both splits",
                    {"layout.annotator": "2ndHO"},
                ),
            ),
        ),
    ),
    files=(
        "The files are Image_01L.jpg, Image_01L_1stHO.png and Image_01L_2ndHO.png, all "
        "in one folder."
    ),
    page="https://blogs.kingston.ac.uk/retinal/chasedb1",
    citation="""@article{fraz2012ensemble,
  title={An ensemble classification-based approach applied to retinal blood vessel
    segmentation},
  author={Fraz, Muhammad Moazam and Remagnino, Paolo and Hoppe, Andreas and others},
  journal={IEEE Transactions on Biomedical Engineering},
  volume={59},
  number={9},
  pages={2538--2548},
  year={2012}
}""",
    notes=(
        "Two opposite splits are in use, and their scores are not comparable. The "
        "release has no fields of view, so all pixels count."
    ),
)
