"""Lists the classes of all augmentations of `data.augment` by their names."""

from __future__ import annotations

from jaxseg.data.augment.color import (
    Brightness,
    Contrast,
    Gamma,
    Grayscale,
    Hue,
    Saturation,
)
from jaxseg.data.augment.degradation import Blur, Cutout, Jpeg, Noise
from jaxseg.data.augment.entry import Entry
from jaxseg.data.augment.geometry import (
    Affine,
    Elastic,
    Flip,
    GridDistortion,
    Rotate,
    Rotate90,
)
from jaxseg.data.augment.mixing import ClassMix, CopyPaste, CutMix, Mosaic
from jaxseg.data.augment.windows import CropAround, LimitShare, Scale

GROUPS: dict[
    str, tuple[type[Entry], ...]
] = {  # heading in the documentation -> entries
    "Choice of the crop": (Scale, LimitShare, CropAround),
    "Geometry": (Flip, Rotate90, Rotate, Affine, Elastic, GridDistortion),
    "Values": (
        Brightness,
        Contrast,
        Gamma,
        Saturation,
        Hue,
        Grayscale,
        Blur,
        Noise,
        Jpeg,
    ),
    "Occlusion and mixing": (Cutout, CutMix, ClassMix, CopyPaste, Mosaic),
}
ENTRIES: dict[str, type[Entry]] = {
    entry.name: entry for group in GROUPS.values() for entry in group
}
