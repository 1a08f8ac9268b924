"""Describes S3DIS: scanned rooms of six office areas as point clouds, 13 classes."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from jaxseg.data.cloud_text import read_points
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.files import shown, visible_entries
from jaxseg.data.layouts import MissingFiles, Pair, require_folder
from jaxseg.data.parts import Joined
from jaxseg.data.spec import DatasetSpec

CLASSES = {  # The order and the colors are those of PointNet.
    "ceiling": (0, 255, 0),
    "floor": (0, 0, 255),
    "wall": (0, 255, 255),
    "beam": (255, 255, 0),
    "column": (255, 0, 255),
    "window": (100, 100, 255),
    "door": (200, 200, 100),
    "table": (170, 120, 200),
    "chair": (255, 0, 0),
    "sofa": (200, 100, 100),
    "bookcase": (10, 200, 100),
    "board": (200, 200, 200),
    "clutter": (50, 50, 50),
}
NUMBERS = {name: k for k, name in enumerate(CLASSES)} | {"stairs": len(CLASSES) - 1}
ROOMS = {1: 44, 2: 40, 3: 23, 4: 49, 5: 68, 6: 48}


@dataclasses.dataclass(frozen=True)
class Rooms:
    """Finds the files `Area_N/ROOM/Annotations/*.txt` of each room of S3DIS.

    Each file contains the points of one object.

    Attributes:
      area: The number of the area whose rooms form the validation split.
    """

    area: int = 5

    def __call__(
        self, root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[Pair]]:
        """Returns the rooms of each split. The files of a room are its objects."""
        del lists  # This layout has no lists.
        splits: dict[str, list[Pair]] = {"train": [], "validation": []}
        for area in ROOMS:
            folder = root / f"Area_{area}"
            require_folder(folder)
            split = "validation" if area == self.area else "train"
            for room in visible_entries(folder):
                if room.is_dir():
                    splits[split].append(_room(f"Area_{area}_{room.name}", room))
        return splits


def _room(name: str, folder: pathlib.Path) -> Pair:
    objects = folder / "Annotations"
    require_folder(objects)
    files = [path for path in visible_entries(objects) if path.suffix == ".txt"]
    if not files:
        raise MissingFiles(
            f"{objects} is empty: expected one text file for each object in the room. "
            "Download the files again."
        )
    wrong = [path for path in files if _kind(path) not in NUMBERS]
    if wrong:
        raise ValueError(
            f"{shown(wrong[0])} is invalid: expected a file name that starts with a "
            f"class, one of {', '.join(NUMBERS)}. Rename or remove the file."
        )
    return Pair(name, Joined(objects, tuple(files)), None)


def _kind(path: pathlib.Path) -> str:
    return path.stem.partition("_")[0]


def read_room(room: Joined) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads the point cloud of a room from the files of its objects.

    This function is the value of `Dataset.read_cloud` for this dataset.

    Args:
      room: The folder and the files of the objects.

    Returns:
      Positions in meters from the lowest corner of the room, float32 [N, 3], colors,
      uint8 [N, 3], and labels, uint8 [N].

    Raises:
      ValueError: If a file cannot be read, or the room has no points.
    """
    found = [(*read_points(path), NUMBERS[_kind(path)]) for path in room.others]
    points = np.concatenate([points for points, _, _ in found])
    color = np.concatenate([color for _, color, _ in found])
    if not len(points):
        raise ValueError(f"{room} has no points. Download the files again.")
    label = np.repeat([label for *_, label in found], [len(p) for p, _, _ in found])
    shifted = points - points.min(axis=0)
    return shifted.astype(np.float32), color, label.astype(np.uint8)


def _counts(area: int) -> dict[str, int]:
    return {"train": sum(ROOMS.values()) - ROOMS[area], "validation": ROOMS[area]}


DATASET = Dataset(
    name="s3dis",
    title="S3DIS: 272 scanned rooms as point clouds with 13 classes.",
    spec=DatasetSpec("s3dis", tuple(CLASSES), tuple(CLASSES.values())),
    layout=Rooms(),
    kind="clouds",
    read_cloud=read_room,
    counts=_counts(5),
    options=(
        Option(
            "validation area",
            (
                Choice("area-5", "Area 5, which is another building, as in most works"),
                *(
                    Choice(
                        f"area-{area}",
                        f"Area {area}, for cross-validation",
                        {"layout.area": area, "counts": _counts(area)},
                    )
                    for area in ROOMS
                    if area != 5
                ),
            ),
        ),
    ),
    files=(
        "The files are Area_1/office_2/Annotations/chair_1.txt of "
        "Stanford3dDataset_v1.2_Aligned_Version, for all six areas."
    ),
    page="http://buildingparser.stanford.edu/dataset.html",
    citation="""@inproceedings{armeni20163d,
  title={3{D} semantic parsing of large-scale indoor spaces},
  author={Armeni, Iro and Sener, Ozan and Zamir, Amir R and others},
  booktitle={CVPR},
  pages={1534--1543},
  year={2016}
}""",
    notes=(
        "A room is one cloud, shifted so that its lowest corner is the origin. The few "
        "objects of the class stairs are clutter, as in PointNet. Stray bytes in the "
        "published files are reported and left out. Rooms have about a million points, "
        "and all rooms of a split are kept in memory, 16 bytes per point. Scores on "
        "different areas are not comparable."
    ),
)
