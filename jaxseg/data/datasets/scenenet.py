"""Describes SceneNet RGB-D: rendered rooms with 13 classes."""

from __future__ import annotations

import ast
import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping

import numpy as np

from jaxseg.data.datasets import nyu_classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import shown, visible_entries
from jaxseg.data.layouts import MissingFiles, Pair, require_folder
from jaxseg.data.parts import Joined
from jaxseg.data.protobuf import fields
from jaxseg.data.reader import ReadOptions, read_pixels

TABLE = "convert_instance2class.py"
BACKGROUND = 1  # This type of instance has no class.
FILES = {
    "train": r"scenenet_rgbd_train_\d+\.pb",
    "validation": r"scenenet_rgbd_val\.pb",
}


@dataclasses.dataclass(frozen=True)
class Instances(Joined):
    """Names the file of an instance mask, and the class of each instance in it.

    An instance mask contains the number of an object, the instance, for each pixel.

    Attributes:
      classes: Pairs of an instance number and its class. The class 0 is background.
    """

    classes: tuple[tuple[int, int], ...] = ()


def trajectory_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the images and masks of the camera paths that `scenenet_rgbd_*.pb` list.

    Args:
      root: The folder that contains these files, the folder train or val (or both), and
        the authors' script convert_instance2class.py, which has a table of classes.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a file is missing or damaged.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    found = {
        split: [p for p in visible_entries(root) if re.fullmatch(pattern, p.name)]
        for split, pattern in FILES.items()
    }
    if not any(found.values()):
        raise MissingFiles(
            f"{root} has no scenenet_rgbd_val.pb and no scenenet_rgbd_train_0.pb: "
            "expected at least one of these files, which list the images of a split. "
            "Download them."
        )
    table = _read_table(root / TABLE)
    return {
        split: [pair for file in files for pair in _frames(root, split, file, table)]
        for split, files in found.items()
        if files
    }


def _read_table(path: pathlib.Path) -> Mapping[str, int]:
    """Returns the table NYU_WNID_TO_CLASS of the script, which is not run."""
    if not path.is_file():
        raise MissingFiles(
            f"{path} is missing: expected the Python script that the authors of the "
            "dataset publish. Download it, as `jaxseg data where scenenet` says."
        )
    try:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and "NYU_WNID_TO_CLASS" in {
                getattr(target, "id", "") for target in node.targets
            }:
                return dict(ast.literal_eval(node.value))
    except (SyntaxError, ValueError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read: expected a Python script. Download it again."
        ) from error
    raise ValueError(
        f"{path} has no table NYU_WNID_TO_CLASS: expected the script of the authors. "
        "Download it again."
    )


def _frames(
    root: pathlib.Path, split: str, file: pathlib.Path, table: Mapping[str, int]
) -> Iterator[Pair]:
    """Yields the frames of the trajectories in one file."""
    base = root / ("val" if split == "validation" else split)
    try:
        trajectories = [_trajectory(value) for _, value in fields(file.read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}): expected trajectories as a protocol "
            "buffer. Download it again."
        ) from error
    for place, frames, instances in trajectories:
        unknown = sorted({name for _, name in instances} - {*table, ""})
        if unknown:
            raise ValueError(
                f"{file}: the class {unknown[0]!r} is not in NYU_WNID_TO_CLASS of "
                f"{TABLE}. Download both files again."
            )
        classes = tuple((k, table.get(name, 0)) for k, name in instances)
        for frame in frames:
            image = base / place / f"photo/{frame}.jpg"
            mask = base / place / f"instance/{frame}.png"
            yield Pair(
                f"{place}_{frame}".replace("/", "_"),
                image if image.is_file() else None,
                Instances(mask, (file,), classes) if mask.is_file() else None,
            )


def _trajectory(
    message: int | memoryview,
) -> tuple[str, list[int], list[tuple[int, str]]]:
    """Returns the place, the frames, and the instances with their WordNet numbers.

    The numbers of the fields are those of scenenet.proto.
    """
    place, frames, instances = "", [], []
    for number, value in fields(message):
        if number == 2:  # An instance.
            found = dict(fields(value))
            name = str(found.get(2, b""), "utf-8")
            if found.get(4) == BACKGROUND:
                name = ""
            instances.append((found.get(1, 0), name))
        elif number == 3:  # A view.
            frames.append(dict(fields(value)).get(1, 0))
        elif number == 4:
            place = str(value, "utf-8")
    return place, frames, instances


def read_classes(path: Instances, options: ReadOptions) -> np.ndarray:
    """Reads an instance mask and converts the instances to classes.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: The mask with its classes.
      options: The options of the image reader.

    Returns:
      The class from 1 to 13, or 0 for the background, integers [H, W].

    Raises:
      ValueError: If the file cannot be read, or contains an unknown instance.
    """
    mask = read_pixels(path, options, mask=True)
    classes = np.full(int(mask.max()) + 1, -1)
    for instance, label in path.classes:
        if instance < len(classes):
            classes[instance] = label
    found = classes[mask]
    if (found < 0).any():
        raise ValueError(
            f"{shown(path)}: the instance {mask[found < 0].min()} is not in "
            f"{path.others[0].name}. Download both files again."
        )
    return found


DATASET = Dataset(
    name="scenenet",
    title="SceneNet RGB-D: rendered rooms of 240x320 pixels with 13 classes.",
    spec=nyu_classes.spec_of("scenenet", nyu_classes.THIRTEEN),
    layout=trajectory_pairs,
    labels=nyu_classes.from_one(len(nyu_classes.THIRTEEN)),
    read_values=read_classes,
    counts={"train": 16_895 * 300, "validation": 1000 * 300},
    files=(
        "The files are val/0/223/photo/0.jpg, val/0/223/instance/0.png and "
        "scenenet_rgbd_val.pb, likewise train with scenenet_rgbd_train_0.pb and so on, "
        "and convert_instance2class.py of jmccormac/pySceneNetRGBD, which has the "
        "table of classes and is not run."
    ),
    page="https://robotvault.bitbucket.io/scenenet-rgbd.html",
    citation="""@inproceedings{mccormac2017scenenet,
  title={{SceneNet} {RGB-D}: Can 5{M} synthetic images beat generic {ImageNet}
    pre-training on indoor segmentation?},
  author={McCormac, John and Handa, Ankur and Leutenegger, Stefan and others},
  booktitle={ICCV},
  year={2017}
}""",
    notes=(
        "A split exists if its .pb files do. Masks contain instances of 16 bits, whose "
        "classes follow from the .pb files. The background, such as the view through a "
        "window, is void. Depth is not read."
    ),
)
