"""Describes HRF: vessels in 45 retinal photographs of high resolution."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data import mask_binary
from jaxseg.data.datasets import retina
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.layouts import Pair, require_folder

FIRST = 5  # The photographs 01 to 05 of each group are the training split.


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Pairs the photographs, masks and field-of-view files of HRF by their names.

    Attributes:
      views: Whether pixels outside of the camera's field of view are void.
    """

    views: bool = True

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split."""
        del lists  # This layout has no lists.
        require_folder(root)
        name = r"(\d\d_(?:dr|g|h))"
        pairs = retina.eye_pairs(
            retina.named_files(root / "images", rf"{name}\.jpe?g"),
            retina.named_files(root / "manual1", rf"{name}\.tif"),
            retina.named_files(root / "mask", rf"{name}_mask\.tif")
            if self.views
            else None,
        )
        splits = {"train": [], "validation": []}
        for pair in pairs:
            split = "train" if int(pair.name[:2]) <= FIRST else "validation"
            splits[split].append(pair)
        return splits


DATASET = Dataset(
    name="hrf",
    title="HRF: vessels in 45 retinal photographs of 2336x3504 pixels.",
    spec=retina.spec_of("hrf"),
    layout=Eyes(),
    labels=mask_binary.LABELS,
    read_values=mask_binary.read_binary,
    counts={"train": 15, "validation": 30},
    options=(retina.VIEW,),
    files=(
        "The files are images/01_dr.JPG, manual1/01_dr.tif and mask/01_dr_mask.tif, "
        "with the endings dr, g and h, from all.zip."
    ),
    page="https://www5.cs.fau.de/research/data/fundus-images",
    license="CC BY 4.0.",
    citation="""@article{budai2013robust,
  title={Robust vessel segmentation in fundus images},
  author={Budai, Attila and Bock, R{\\"u}diger and Maier, Andreas and others},
  journal={International Journal of Biomedical Imaging},
  volume={2013},
  year={2013}
}""",
    notes=(
        "The photographs 01 to 05 of each group (diabetic retinopathy, glaucoma, "
        "healthy) are the training split, as in mmsegmentation and bob. Works differ "
        "in whether pixels outside of the field of view count."
    ),
)
