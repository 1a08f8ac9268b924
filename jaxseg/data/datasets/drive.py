"""Describes DRIVE: vessels in 40 retinal photographs."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data import mask_binary
from jaxseg.data.datasets import retina
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.layouts import Pair, require_folder


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Pairs images, masks and field-of-view files in `training` and `test` of DRIVE.

    The split `test` is left out if its masks do not exist.

    Attributes:
      annotator: The annotator whose masks of the test split are read, 1 or 2.
      views: Whether pixels outside of the camera's field of view are void.
    """

    annotator: int = 1
    views: bool = True

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split."""
        del lists  # This layout has no lists.
        require_folder(root)
        splits = {"train": self._pairs(root / "training", "1st_manual", 1)}
        manual = ("1st_manual", "2nd_manual")[self.annotator - 1]
        if self.annotator == 2 or (root / "test" / manual).is_dir():
            splits["validation"] = self._pairs(root / "test", manual, self.annotator)
        return splits

    def _pairs(self, folder: pathlib.Path, manual: str, number: int) -> list[Pair]:
        part = folder.name
        views = None
        if self.views:
            views = retina.named_files(folder / "mask", rf"(\d+)_{part}_mask\.gif")
        return retina.eye_pairs(
            retina.named_files(folder / "images", rf"(\d+)_{part}\.tif"),
            retina.named_files(folder / manual, rf"(\d+)_manual{number}\.gif"),
            views,
        )


DATASET = Dataset(
    name="drive",
    title="DRIVE: vessels in 40 retinal photographs of 584x565 pixels.",
    spec=retina.spec_of("drive"),
    layout=Eyes(),
    labels=mask_binary.LABELS,
    read_values=mask_binary.read_binary,
    counts={"train": 20, "validation": 20},
    options=(
        Option(
            "annotator",
            (
                Choice("first-annotator", "the first annotator"),
                Choice(
                    "second-annotator",
                    "the second annotator of the test split; training keeps the first",
                    {"layout.annotator": 2},
                ),
            ),
        ),
        retina.VIEW,
    ),
    files=(
        "The files are training/images/21_training.tif, "
        "training/1st_manual/21_manual1.gif and training/mask/21_training_mask.gif, "
        "and likewise test/images/01_test.tif, test/1st_manual/01_manual1.gif and "
        "test/mask/01_test_mask.gif."
    ),
    page="https://drive.grand-challenge.org",
    citation="""@article{staal2004ridge,
  title={Ridge-based vessel segmentation in color images of the retina},
  author={Staal, Joes and Abramoff, Michael D and Niemeijer, Meindert and others},
  journal={IEEE Transactions on Medical Imaging},
  volume={23},
  number={4},
  pages={501--509},
  year={2004}
}""",
    notes=(
        "The validation split contains the 20 test photographs. The files that the "
        "page offers today lack test/1st_manual; without this folder there is no "
        "validation split. Works differ in whether pixels outside of the field of "
        "view count."
    ),
)
