"""Describes ISPRS Potsdam: aerial images of a town, with 6 classes."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data.datasets import isprs
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.layouts import Pair, match_trees
from jaxseg.data.mask_colors import read_colors

_TRAIN = {2: (10, 13), 3: (10, 13), 4: (10, 13), 5: (10, 13), 6: (7, 13), 7: (7, 13)}
_TEST = {2: (13, 15), 3: (13, 15), 4: (13, 16), 5: (13, 16), 6: (13, 16), 7: (13, 14)}
SPLITS = {  # Tiles are numbered ROW_COLUMN; the tables have the columns of each row.
    split: [f"{row}_{column}" for row, ends in rows.items() for column in range(*ends)]
    for split, rows in (("train", _TRAIN), ("validation", _TEST))
}
FOLDERS = {"RGB": "2_Ortho_RGB", "IRRG": "3_Ortho_IRRG"}


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Pairs the image tiles and masks of Potsdam by the numbers in their names.

    Attributes:
      bands: The channels of the images: "RGB", or "IRRG" for infrared, red and green.
      boundary: Selects one of the two published sets of masks. True selects the masks
        in which pixels near object boundaries have classes. False selects the masks in
        which these pixels are void.
      left_out: The numbers of the tiles that are not read, such as "7_10".
    """

    bands: str = "RGB"
    boundary: bool = False
    left_out: tuple[str, ...] = ()

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split. A missing tile has no files."""
        del lists  # This layout has no lists.
        end = "" if self.boundary else "_noBoundary"
        found = match_trees(
            root / FOLDERS[self.bands],
            root / f"5_Labels_all{end}",
            image_end=f"_{self.bands}",
            mask_end=f"_label{end}",
        )
        by_name = {pair.name: pair for pair in found}
        return {
            split: [
                by_name.get(
                    f"top_potsdam_{tile}", Pair(f"top_potsdam_{tile}", None, None)
                )
                for tile in tiles
                if tile not in self.left_out
            ]
            for split, tiles in SPLITS.items()
        }


DATASET = Dataset(
    name="potsdam",
    title="ISPRS Potsdam: 6000x6000 aerial images of a town with 6 classes.",
    spec=isprs.spec_of("potsdam"),
    layout=Tiles(),
    labels=isprs.labels_of(),
    read_values=read_colors,
    counts={"train": 24, "validation": 14},
    options=(
        *isprs.options_of("potsdam"),
        Option(
            "channels",
            (
                Choice("rgb", "red, green and blue, from 2_Ortho_RGB"),
                Choice(
                    "irrg",
                    "infrared, red and green, from 3_Ortho_IRRG",
                    {"layout.bands": "IRRG"},
                ),
            ),
        ),
        Option(
            "tiles",
            (
                Choice("all-tiles", "all 24 tiles for training"),
                Choice(
                    "without-7-10",
                    "without tile 7_10, whose mask is known to be wrong",
                    {
                        "layout.left_out": ("7_10",),
                        "counts": {"train": 23, "validation": 14},
                    },
                ),
            ),
        ),
    ),
    files=(
        "The files are 2_Ortho_RGB/top_potsdam_2_10_RGB.tif and "
        "5_Labels_all_noBoundary/top_potsdam_2_10_label_noBoundary.tif. The variants "
        "read 3_Ortho_IRRG/top_potsdam_2_10_IRRG.tif and "
        "5_Labels_all/top_potsdam_2_10_label.tif."
    ),
    page=isprs.PAGE,
    citation=isprs.CITATION,
    notes=(
        "The validation split contains the 14 test tiles of the contest, as in "
        "mmsegmentation, which cuts the tiles into crops of 512x512 pixels. Here the "
        "tiles are whole. Works differ in whether clutter counts and whether the "
        "borders of objects do. The files with four channels are not read."
    ),
)
