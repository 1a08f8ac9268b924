"""Lists the kinds of findings of a data check.

An error is a fault that `jaxseg train` rejects. A warning is a property that it
accepts, although it may harm a network or its scores.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from jaxseg.data.parts import File


@dataclasses.dataclass(frozen=True)
class Kind:
    """Describes one kind of error or warning that the data check can report.

    Attributes:
      level: "error" if `jaxseg train` rejects the data, "warning" otherwise.
      title: A sentence that states the fault in general terms.
    """

    level: Literal["error", "warning"]
    title: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """Describes one fault of a dataset.

    Attributes:
      kind: A key of `KINDS`.
      message: A description of the fault.
      split: The name of the split, or "" if the fault concerns all splits.
      files: The files that have the fault.
    """

    kind: str
    message: str
    split: str = ""
    files: tuple[File, ...] = ()

    @property
    def level(self) -> str:
        """Returns "error" if `jaxseg train` rejects the fault, otherwise "warning"."""
        return KINDS[self.kind].level


KINDS = {
    "layout": Kind("error", "The files cannot be arranged in splits and pairs."),
    "missing_split": Kind("error", "A split that the options name does not exist."),
    "empty_split": Kind("error", "A split has no pair."),
    "missing_image": Kind("error", "The image of a pair is missing."),
    "missing_mask": Kind("error", "The mask of a pair is missing."),
    "bad_name": Kind("error", "The name of a file is not UTF-8."),
    "unreadable_image": Kind("error", "An image cannot be read."),
    "unreadable_mask": Kind("error", "A mask cannot be read."),
    "wide_image": Kind(
        "error", "The range of an image of more than 8 bits is not known."
    ),
    "other_pixels": Kind(
        "error", "An image has other channels or another type than the first image."
    ),
    "missing_range": Kind("error", "The range of floating-point images is not known."),
    "lossy_mask": Kind("error", "A mask has a lossy format, which changes its values."),
    "size_mismatch": Kind("error", "A mask has another size than its image."),
    "mask_value": Kind("error", "A mask contains a value that has no meaning."),
    "ambiguous_value": Kind(
        "error", "The mask value 255 of a split can be void or an object."
    ),
    "narrow_range": Kind(
        "warning", "The images use a small part of the range of their type."
    ),
    "unlisted_value": Kind(
        "warning", "A mask value that no published list contains becomes void."
    ),
    "snapped_mask": Kind(
        "warning", "The pixels of a lossy mask take the nearest value of the label map."
    ),
    "nearly_empty_mask": Kind("warning", "One label fills nearly a whole mask."),
    "flat_image": Kind("warning", "All pixels of an image are equal."),
    "rotated_image": Kind(
        "warning", "The orientation tag of an image is applied before training."
    ),
    "duplicate_within": Kind("warning", "Images of one split are equal or nearly so."),
    "duplicate_across": Kind(
        "warning",
        "Images of different splits are equal or nearly so, which makes scores too "
        "high.",
    ),
    "absent_class": Kind("warning", "A class never occurs in the masks of a split."),
    "left_out": Kind("warning", "Files of the folders do not count as images."),
    "published_count": Kind(
        "warning", "A split has another number of pairs than published."
    ),
}
