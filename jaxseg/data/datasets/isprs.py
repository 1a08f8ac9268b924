"""Defines the classes and options of both ISPRS datasets, Potsdam and Vaihingen."""

from __future__ import annotations

from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_colors import color_map
from jaxseg.data.spec import VOID, DatasetSpec

CLASSES = {
    "impervious surface": (255, 255, 255),
    "building": (0, 0, 255),
    "low vegetation": (0, 255, 255),
    "tree": (0, 255, 0),
    "car": (255, 255, 0),
    "clutter": (255, 0, 0),
}
BORDER = (0, 0, 0)  # Eroded masks are black at the borders of objects.
CITATION = """@article{rottensteiner2012isprs,
  title={The {ISPRS} benchmark on urban object classification and 3{D} building
    reconstruction},
  author={Rottensteiner, Franz and Sohn, Gunho and Jung, Jaewook and others},
  journal={ISPRS Annals of the Photogrammetry, Remote Sensing and Spatial Information
    Sciences},
  volume={I-3},
  pages={293--298},
  year={2012}
}"""
PAGE = "https://www.isprs.org/education/benchmarks/UrbanSemLab/default.aspx"


def spec_of(name: str, count: int = len(CLASSES)) -> DatasetSpec:
    """Returns a `DatasetSpec` of the first `count` ISPRS classes and their colors.

    Args:
      name: The name of the dataset.
      count: The number of classes.
    """
    return DatasetSpec(name, tuple(CLASSES)[:count], tuple(CLASSES.values())[:count])


def labels_of(count: int = len(CLASSES)) -> LabelMap:
    """Returns the label map from the colors of ISPRS masks to classes.

    Args:
      count: The number of classes. The colors of further classes become void.
    """
    classes = {c: k if k < count else VOID for k, c in enumerate(CLASSES.values())}
    return color_map(classes | {BORDER: VOID})


def options_of(name: str) -> tuple[Option, ...]:
    """Returns a tuple of the `Option` objects of Potsdam or Vaihingen.

    Each object contains the variants of one property, between which users can choose.

    Args:
      name: The name of the dataset.
    """
    fewer = {"spec": spec_of(name, 5), "labels": labels_of(5)}
    return (
        Option(
            "border",
            (
                Choice("no-boundary", "masks whose borders are eroded and void"),
                Choice("boundary", "masks without erosion", {"layout.boundary": True}),
            ),
        ),
        Option(
            "clutter",
            (
                Choice("clutter-class", "clutter is the last of 6 classes"),
                Choice("clutter-void", "clutter is void, and there are 5", fewer),
            ),
        ),
        Option(
            "color",
            (
                Choice("exact-colors", "other colors than the published are errors"),
                Choice(
                    "other-colors-void",
                    "other colors are void, as in mmsegmentation",
                    {"unlisted": "void"},
                ),
            ),
        ),
    )
