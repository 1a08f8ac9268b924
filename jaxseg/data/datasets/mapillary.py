"""Describes Mapillary Vistas: street scenes of all continents."""

from __future__ import annotations

import functools
import pathlib

from jaxseg.data.datasets import mapillary_classes as classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import first_folder
from jaxseg.data.layouts import Pair, match_folders
from jaxseg.data.spec import VOID, DatasetSpec


def vistas_pairs(
    root: pathlib.Path,
    lists: tuple[str, ...] = (),
    *,
    masks: tuple[str, ...] = ("v1.2/labels", "labels"),
) -> dict[str, list[Pair]]:
    """Pairs Mapillary Vistas images in `SPLIT/images` with the masks of one release.

    Args:
      root: The folder that contains training and validation.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.
      masks: The possible names of the folder of masks inside the folder of a split.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # This layout has no lists.
    return {
        split: match_folders(
            first_folder(root, f"{folder}/images"),
            first_folder(root / folder, *masks),
        )
        for split, folder in (("train", "training"), ("validation", "validation"))
    }


def labels_of(count: int) -> LabelMap:
    """Returns the label map that maps "Unlabeled" to void and keeps all other classes.

    Args:
      count: The number of other classes. This is also the mask value of "Unlabeled".
    """
    return LabelMap((*((k, k) for k in range(count)), (count, VOID)))


LATER = functools.partial(vistas_pairs, masks=("v2.0/labels",))
FIRST, SECOND = len(classes.FIRST), len(classes.SECOND)
NAME, COLOR = classes.UNLABELED
DATASET = Dataset(
    name="mapillary",
    title="Mapillary Vistas: street scenes of all continents with 65 or 123 classes.",
    spec=DatasetSpec("mapillary", classes.FIRST, classes.FIRST_COLORS),
    layout=vistas_pairs,
    labels=labels_of(FIRST),
    counts={"train": 18_000, "validation": 2000},
    options=(
        Option(
            "release",
            (
                Choice("v1.2", "65 classes, without Unlabeled"),
                Choice(
                    "v2.0",
                    "123 classes, without Unlabeled",
                    {
                        "layout": LATER,
                        "spec": DatasetSpec(
                            "mapillary", classes.SECOND, classes.SECOND_COLORS
                        ),
                        "labels": labels_of(SECOND),
                    },
                ),
                Choice(
                    "v2.0-unlabeled",
                    "124 classes with Unlabeled, which MMSegmentation scores as well",
                    {
                        "layout": LATER,
                        "spec": DatasetSpec(
                            "mapillary",
                            (*classes.SECOND, NAME),
                            (*classes.SECOND_COLORS, COLOR),
                        ),
                        "labels": LabelMap(tuple((k, k) for k in range(SECOND + 1))),
                    },
                ),
            ),
        ),
    ),
    files=(
        "The images are {training,validation}/images/*.jpg and the masks are "
        "{training,validation}/{v1.2,v2.0}/labels/*.png, from the zip file of release "
        "2.0. The zip file of release 1.1 has {training,validation}/labels/*.png."
    ),
    page="https://www.mapillary.com/dataset/vistas",
    license="CC BY-NC-SA 4.0.",
    citation="""@inproceedings{neuhold2017mapillary,
  title={The Mapillary Vistas Dataset for Semantic Understanding of Street Scenes},
  author={Neuhold, Gerhard and Ollmann, Tobias and Rota Bul{\\`o}, Samuel and
    Kontschieder, Peter},
  booktitle={ICCV},
  year={2017}
}""",
    notes=(
        "The masks are palette files, whose indices are the classes. The images have "
        "many sizes, up to 22 megapixels. Masks of the test split are not published."
    ),
)
