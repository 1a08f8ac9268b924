"""Describes LoveDA: satellite images of towns and the countryside, with 7 classes."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.spec import VOID, DatasetSpec

CLASSES = {
    "background": (255, 255, 255),
    "building": (255, 0, 0),
    "road": (255, 255, 0),
    "water": (0, 0, 255),
    "barren": (159, 129, 183),
    "forest": (0, 255, 0),
    "agriculture": (255, 195, 128),
}


@dataclasses.dataclass(frozen=True)
class Scenes:
    """Pairs LoveDA images in `images_png` with masks in `masks_png`.

    Both folders are in a folder SPLIT/SCENE, such as Train/Rural.

    Attributes:
      scenes: The folders SCENE that are read: Urban, Rural or both.
    """

    scenes: tuple[str, ...] = ("Urban", "Rural")

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the pairs of each split. The names differ between the scenes."""
        del lists  # This layout has no lists.
        require_folder(root)
        splits = {}
        for folder, split in (("Train", "train"), ("Val", "validation")):
            parts = [root / folder / scene for scene in self.scenes]
            for part in parts:
                require_folder(part / "images_png")
                require_folder(part / "masks_png")
            splits[split] = [
                pair
                for part in parts
                for pair in match_folders(part / "images_png", part / "masks_png")
            ]
        return splits


DATASET = Dataset(
    name="loveda",
    title="LoveDA: 1024x1024 satellite images of towns and the country, 7 classes.",
    spec=DatasetSpec("loveda", tuple(CLASSES), tuple(CLASSES.values())),
    layout=Scenes(),
    labels=LabelMap(((0, VOID), *((k + 1, k) for k in range(len(CLASSES))))),
    raw=tuple(range(len(CLASSES))),
    counts={"train": 2522, "validation": 1669},
    options=(
        Option(
            "scene",
            (
                Choice("all-scenes", "towns and the country"),
                Choice(
                    "urban",
                    "only towns, for work on domain adaptation",
                    {
                        "layout.scenes": ("Urban",),
                        "counts": {"train": 1156, "validation": 677},
                    },
                ),
                Choice(
                    "rural",
                    "only the country, for work on domain adaptation",
                    {
                        "layout.scenes": ("Rural",),
                        "counts": {"train": 1366, "validation": 992},
                    },
                ),
            ),
        ),
    ),
    files=(
        "The folders are SPLIT/SCENE/images_png and SPLIT/SCENE/masks_png, where SPLIT "
        "is Train or Val and SCENE is Urban or Rural."
    ),
    page="https://github.com/Junjue-Wang/LoveDA",
    license="CC BY-NC-SA 4.0: research only, no commercial use.",
    citation="""@inproceedings{wang2021loveda,
  title={{LoveDA}: A remote sensing land-cover dataset for domain adaptive semantic
    segmentation},
  author={Wang, Junjue and Zheng, Zhuo and Ma, Ailong and Lu, Xiaoyan and Zhong,
    Yanfei},
  booktitle={NeurIPS Datasets and Benchmarks},
  year={2021}
}""",
    notes=(
        "Masks contain 0 where there are no data, which is void, and 1 to 7 for the "
        "classes. The test server expects 0 to 6. Masks of the test split are not "
        "published."
    ),
)
