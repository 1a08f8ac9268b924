"""Describes the electron-microscopy slices of the ISBI 2012 challenge."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.spec import DatasetSpec


def numbered_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Finds the pairs of `root/image/N.png` and `root/label/N.png`.

    They are sorted by the number N. The last fifth of the slices is `validation`, the
    others are `train`.

    Args:
      root: The folder.
      lists: Not used, because this layout has no lists.

    Raises:
      ValueError: If a folder is missing, or a name is not a number.
    """
    del lists  # This layout has no lists.
    for name in ("image", "label"):
        require_folder(root / name)
    pairs = match_folders(root / "image", root / "label")
    wrong = [pair.name for pair in pairs if not pair.name.isdecimal()]
    if wrong:
        raise ValueError(
            f"{root}: expected numbers as names of the slices, found {wrong[:5]}. "
            "Rename these files."
        )
    pairs.sort(key=lambda pair: int(pair.name))
    first = len(pairs) - len(pairs) // 5
    return {"train": pairs[:first], "validation": pairs[first:]}


DATASET = Dataset(
    name="isbi",
    title="ISBI 2012: membranes in 512x512 electron-microscopy slices.",
    spec=DatasetSpec(
        "isbi",
        ("membrane", "cell"),
        ((32, 32, 96), (240, 220, 130)),
        mean=(0.49, 0.49, 0.49),  # Measured on the training slices.
        std=(0.17, 0.17, 0.17),
    ),
    layout=numbered_pairs,
    labels=LabelMap(((0, 0), (255, 1))),
    counts={"train": 24, "validation": 6},
    files="The files are image/N.png and label/N.png, as in zhixuhao/unet.",
    page="https://github.com/zhixuhao/unet",
    citation="""@article{arganda2015crowdsourcing,
  title={Crowdsourcing the creation of image segmentation algorithms for connectomics},
  author={Arganda-Carreras, Ignacio and Turaga, Srinivas C and Berger, Daniel R
    and others},
  journal={Frontiers in Neuroanatomy},
  volume={9},
  pages={142},
  year={2015}
}""",
    notes=(
        "The last fifth of the slices is the validation split. The slices are "
        "consecutive parts of one volume, so validation slices resemble the last "
        "training slices. No pixel is void."
    ),
)
