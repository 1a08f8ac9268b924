"""Defines three sets of indoor classes (40, 37 and 13) that several datasets use."""

from __future__ import annotations

from jaxseg.data.datasets.compact import names_of
from jaxseg.data.labels import LabelMap
from jaxseg.data.spec import VOID, DatasetSpec, generated_palette

FORTY = names_of(  # The order of Gupta et al., from 1; 0 is void.
    "wall, floor, cabinet, bed, chair, sofa, table, door, window, bookshelf, picture, "
    "counter, blinds, desk, shelves, curtain, dresser, pillow, mirror, floor mat, "
    "clothes, ceiling, books, refrigerator, television, paper, towel, shower curtain, "
    "box, whiteboard, person, night stand, toilet, sink, lamp, bathtub, bag, "
    "other structure, other furniture, other prop"
)
_MERGED = {  # The file class13Mapping.mat of ankurhanda/nyuv2-meta-data, by name.
    "bed": "bed",
    "books": "books",
    "ceiling": "ceiling",
    "chair": "chair",
    "floor": "floor, floor mat",
    "furniture": (
        "cabinet, bookshelf, counter, shelves, dresser, refrigerator, night stand, "
        "other furniture"
    ),
    "objects": (
        "pillow, mirror, clothes, paper, towel, shower curtain, box, whiteboard, "
        "person, toilet, sink, lamp, bathtub, bag, other structure, other prop"
    ),
    "picture": "picture",
    "sofa": "sofa",
    "table": "table, desk",
    "television": "television",
    "wall": "wall, door",
    "window": "window, blinds, curtain",
}
THIRTEEN = tuple(_MERGED)


def spec_of(name: str, classes: tuple[str, ...]) -> DatasetSpec:
    """Returns a `DatasetSpec` with the given classes and generated colors.

    Args:
      name: The name of the dataset.
      classes: The names of the classes.
    """
    return DatasetSpec(name, classes, generated_palette(len(classes) + 1)[1:])


def from_one(count: int) -> LabelMap:
    """Returns a label map that maps 0 to void and each other value k to class k - 1.

    Args:
      count: The number of classes.
    """
    return LabelMap(((0, VOID), *((k + 1, k) for k in range(count))))


def merged() -> LabelMap:
    """Returns the label map that merges the 40 classes of NYUv2 into 13 classes."""
    target = {
        name: k for k, names in enumerate(_MERGED.values()) for name in names_of(names)
    }
    pairs = ((k + 1, target[name]) for k, name in enumerate(FORTY))
    return LabelMap(((0, VOID), *pairs))
