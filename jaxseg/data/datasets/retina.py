"""Defines the classes of the datasets of retinal photographs, and pairs their files."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping

from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.files import name_key, visible_entries
from jaxseg.data.layouts import MissingFiles, Pair, require_folder
from jaxseg.data.parts import Joined
from jaxseg.data.spec import DatasetSpec

CLASSES = ("background", "vessel")
VIEW = Option(
    "field of view",
    (
        Choice("inside", "pixels outside of the field of view are void"),
        Choice(
            "everywhere",
            "all pixels count, as in mmsegmentation",
            {"layout.views": False},
        ),
    ),
)


def spec_of(name: str) -> DatasetSpec:
    """Returns a `DatasetSpec` with the classes background and vessel.

    Args:
      name: The name of the dataset.
    """
    return DatasetSpec(name, CLASSES, ((0, 0, 0), (255, 255, 255)))


def named_files(folder: pathlib.Path, pattern: str) -> dict[str, pathlib.Path]:
    """Returns a dictionary from example names to the files that match a pattern.

    Args:
      folder: The folder.
      pattern: A regular expression that matches a whole file name, in upper or lower
        case. Its first group is the name of the example.

    Raises:
      MissingFiles: If the folder is missing or has no such file.
      ValueError: If two files belong to the same example.
    """
    require_folder(folder)
    found: dict[str, pathlib.Path] = {}
    for path in visible_entries(folder):
        match = re.fullmatch(pattern, name_key(path.name), re.IGNORECASE)
        if match is None:
            continue
        if match[1] in found:
            raise ValueError(
                f"{found[match[1]]} and {path} both belong to example {match[1]!r}: "
                "expected one file. Remove the other one."
            )
        found[match[1]] = path
    if not found:
        raise MissingFiles(
            f"{folder} has no matching file: expected the files of the dataset, whose "
            f"names match {pattern}. Correct the path."
        )
    return found


def eye_pairs(
    images: Mapping[str, pathlib.Path],
    masks: Mapping[str, pathlib.Path],
    views: Mapping[str, pathlib.Path] | None = None,
) -> list[Pair]:
    """Pairs photographs with their masks, sorted by name.

    Args:
      images: A dictionary from the name of each example to its photograph.
      masks: A dictionary from the name of each example to its mask file.
      views: A dictionary from the name of each example to an image that is white inside
        the field of view. If it is None, pixels outside of the field of view keep their
        classes.

    Returns:
      A list of `Pair` objects, sorted by name.

    Raises:
      MissingFiles: If the field of view of a mask is missing.
    """
    missing = sorted(set(masks) - set(views or masks))
    if missing:
        raise MissingFiles(
            f"The field of view of {missing[0]!r} is missing: expected one for each of "
            f"{len(masks)} masks. To read the masks "
            "without fields of view, pass `--data.variant everywhere`."
        )
    joined = masks
    if views is not None:
        joined = {name: Joined(masks[name], (views[name],)) for name in masks}
    return [
        Pair(name, images.get(name), joined.get(name))
        for name in sorted({*images, *masks})
    ]
