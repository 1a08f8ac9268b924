"""Describes ISPRS Vaihingen: aerial images in infrared, red and green, 6 classes."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data.datasets import isprs
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import list_folder
from jaxseg.data.layouts import Pair, require_folder
from jaxseg.data.mask_colors import read_colors

SPLITS = {
    "train": (1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37),
    "validation": (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38),
}


@dataclasses.dataclass(frozen=True)
class Areas:
    """Pairs the images of Vaihingen in the folder `top` with their masks.

    Attributes:
      boundary: Selects one of the two published sets of masks. True selects the masks
        in which pixels near object boundaries have classes. False selects the masks in
        which these pixels are void.
    """

    boundary: bool = False

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split. A missing area has no files."""
        del lists  # This layout has no lists.
        folder = root / ("gts" if self.boundary else "gts_eroded")
        end = "" if self.boundary else "_noBoundary"
        for each in (root / "top", folder):
            require_folder(each)
        images = {path.stem: path for path in list_folder(root / "top").images}
        masks = {path.stem: path for path in list_folder(folder).images}
        return {
            split: [
                Pair(name, images.get(name), masks.get(name + end))
                for name in (f"top_mosaic_09cm_area{area}" for area in areas)
            ]
            for split, areas in SPLITS.items()
        }


DATASET = Dataset(
    name="vaihingen",
    title="ISPRS Vaihingen: aerial images in infrared, red and green with 6 classes.",
    spec=isprs.spec_of("vaihingen"),
    layout=Areas(),
    labels=isprs.labels_of(),
    read_values=read_colors,
    counts={"train": 16, "validation": 17},
    options=isprs.options_of("vaihingen"),
    files=(
        "The files are top/top_mosaic_09cm_area1.tif, and in gts_eroded the masks of "
        "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE.zip, such as "
        "top_mosaic_09cm_area1_noBoundary.tif. The variant boundary reads the masks of "
        "ISPRS_semantic_labeling_Vaihingen_ground_truth_COMPLETE.zip from gts."
    ),
    page=isprs.PAGE,
    citation=isprs.CITATION,
    notes=(
        "The channels are infrared, red and green. The validation split contains the "
        "17 test areas of the contest, as in mmsegmentation, which cuts the areas into "
        "crops of 512x512 pixels. Here the areas are whole. Area 9 has a mask and no "
        "image, and is left out. Works differ in whether clutter counts and whether "
        "the borders of objects do."
    ),
)
