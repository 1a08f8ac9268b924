"""Reading mask files as labels."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from jaxseg.data.files import shown
from jaxseg.data.labels import LOSSY_GAP, LabelMap
from jaxseg.data.mask_rules import check_classes, check_listed
from jaxseg.data.mask_values import MaskValues, count_values
from jaxseg.data.reader import DEFAULTS, ReadOptions, read_header, read_pixels
from jaxseg.data.spec import VOID

THREADS = 4  # that count values; decoding releases the interpreter


@dataclasses.dataclass(frozen=True)
class MaskReader:
    """Turns mask files into labels, all of a dataset by one rule.

    Attributes:
      labels: Label map; by default values are labels.
      given: Whether the user gave the map, so that it counts for lossy formats too.
      num_classes: Number of classes; by default any label is taken.
      origin: Where the classes come from.
      reading: Range and limit of the image reader.
    """

    labels: LabelMap | None = None
    given: bool = False
    num_classes: int | None = None
    origin: str = ""
    reading: ReadOptions = DEFAULTS

    def count_all(
        self, split: str, paths: Sequence[pathlib.Path], *, skip: bool
    ) -> MaskValues:
        """Counts the values in the masks of a split that the rule has to explain.

        Pixels of lossy masks are not counted, since they take the nearest values of
        the label map.

        Args:
          split: Its name.
          paths: The masks.
          skip: Whether bad files, and masks with values that mean nothing, are left
            out; else a bad file raises.

        Raises:
          ValueError: If a file cannot be read as a mask.
        """

        def count(path: pathlib.Path) -> dict[int, int]:
            try:
                mask, lossy = self._values(path)
                pixels = {} if lossy else count_values(mask)
                if skip:
                    self.check(MaskValues.of_mask(path, pixels))
            except ValueError as error:
                if not skip:
                    raise ValueError(f"split {split!r}: {error}") from error
                return {}
            return pixels

        found = MaskValues(split)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for path, pixels in zip(paths, pool.map(count, paths), strict=True):
                found.add(path, pixels)
        return found

    def check(self, found: MaskValues) -> None:
        """Raises ValueError if masks hold values that mean nothing."""
        if self.labels is not None:
            check_listed(found, self.labels)
        elif self.num_classes is not None:
            check_classes(found, self.num_classes, self.origin)

    def read(self, path: pathlib.Path) -> np.ndarray:
        """Reads the labels in a mask.

        Args:
          path: Its file.

        Returns:
          Labels, uint8 [H, W], 255 for void.

        Raises:
          ValueError: If the file cannot be read as a mask, or holds values that mean
            nothing.
        """
        mask, lossy = self._values(path)
        if lossy:
            return self.labels.snap(mask)
        self.check(MaskValues.of_mask(path, count_values(mask)))
        if self.labels is not None:
            return self.labels.apply(mask)
        if not 0 <= mask.min() <= mask.max() <= VOID:
            raise ValueError(f"{shown(path)}: its values are not within 0 to {VOID}.")
        return mask.astype(np.uint8)

    def _values(self, path: pathlib.Path) -> tuple[np.ndarray, bool]:
        """Values in a mask, integers [H, W], and whether its format is lossy."""
        lossy = read_header(path, self.reading).lossy
        if lossy and (self.labels is None or not self.given):
            raise ValueError(
                f"{shown(path)}: masks of lossy formats (JPEG, WebP) hold values that "
                "the compression made up; save them as PNG, or give the true values, "
                "such as --data.labels 0/255, and each pixel takes the nearest one."
            )
        if lossy and self.labels.gap < LOSSY_GAP:
            raise ValueError(
                f"{shown(path)}: the values of the label map {self.labels} lie "
                f"{self.labels.gap} apart, which compression blurs; save the mask as "
                f"PNG, since lossy formats (JPEG, WebP) need {LOSSY_GAP} or more."
            )
        return read_pixels(path, self.reading, mask=True), lossy
