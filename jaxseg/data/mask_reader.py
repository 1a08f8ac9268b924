"""Reads mask files and converts their values to labels."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from jaxseg.data.files import shown
from jaxseg.data.ignore_index import void_of
from jaxseg.data.labels import LOSSY_GAP, LabelMap
from jaxseg.data.mask_rules import check_classes, check_listed
from jaxseg.data.mask_values import MaskValues, count_values
from jaxseg.data.reader import DEFAULTS, ReadOptions, read_header, read_pixels
from jaxseg.data.spec import VOID, WIDE_VOID

THREADS = 4  # Threads help because decoding releases the interpreter lock.


@dataclasses.dataclass(frozen=True)
class MaskReader:
    """Converts the mask files of a dataset to labels.

    Attributes:
      labels: The label map. By default the mask values are the labels.
      given: Whether the label map comes from the user. Otherwise masks in lossy formats
        are refused.
      num_classes: The number of classes. By default any label is accepted.
      origin: Where the classes come from, for error messages.
      reading: The options of the image reader.
      unlisted: What happens to values that the label map does not contain. "error"
        raises an error, and "void" makes their pixels void. If the label map comes from
        the user, they are always an error.
      read_values: The function that reads the values of a mask. By default a mask is an
        image file with one channel.
      counted_void: The ignore index that is used if `num_classes` is None.
      multilabel: Whether a label contains one bit for each class. If True,
        `read_values` must return such labels.
    """

    labels: LabelMap | None = None
    given: bool = False
    num_classes: int | None = None
    origin: str = ""
    reading: ReadOptions = DEFAULTS
    unlisted: Literal["error", "void"] = "error"
    read_values: Callable[[pathlib.Path, ReadOptions], np.ndarray] | None = None
    counted_void: int = VOID
    multilabel: bool = False

    def count_all(
        self, split: str, paths: Sequence[pathlib.Path], *, skip: bool
    ) -> MaskValues:
        """Counts the pixels with each value in the masks of a split.

        Masks in lossy formats are not counted, because each of their pixels is assigned
        to the nearest value of the label map.

        Args:
          split: The name of the split.
          paths: The masks.
          skip: If True, files that cannot be read and masks with values that belong to
            no class are left out. If False, a file that cannot be read is an error.

        Returns:
          The values that occur, with the number of pixels of each.

        Raises:
          ValueError: If a file cannot be read as a mask.
        """

        def count(path: pathlib.Path) -> dict[int, int]:
            try:
                mask, lossy = self.values(path)
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
        """Checks that every mask value is in the label map or is the label of a class.

        Args:
          found: The values in the masks, with the number of pixels of each value.

        Raises:
          ValueError: If a value is neither in the label map nor the label of a class.
        """
        if self.multilabel:
            return  # Any combination of classes is allowed.
        if self.labels is not None:
            if self._strict:
                check_listed(found, self.labels)
        elif self.num_classes is not None:
            check_classes(found, self.num_classes, self.origin)

    def read(self, path: pathlib.Path) -> np.ndarray:
        """Reads a mask file and returns its labels.

        Args:
          path: The mask file.

        Returns:
          Labels [H, W], uint8 with 255 for void, or uint16 with 65535 for void.

        Raises:
          ValueError: If the file cannot be read as a mask, or contains values that are
            neither in the label map nor the label of a class.
        """
        mask, lossy = self.values(path)
        return self.to_labels(path, mask, lossy=lossy)

    def to_labels(
        self, path: pathlib.Path, mask: np.ndarray, *, lossy: bool
    ) -> np.ndarray:
        """Converts the values of a mask to labels.

        Args:
          path: The mask file, for error messages.
          mask: The values, integers [H, W].
          lossy: Whether the format of the file is lossy.

        Returns:
          Labels [H, W], uint8 with 255 for void, or uint16 with 65535 for void.

        Raises:
          ValueError: If a value is neither in the label map nor the label of a class.
        """
        if self.multilabel:
            return mask
        if lossy:
            return self.labels.snap(mask, void=self.void)
        self.check(MaskValues.of_mask(path, count_values(mask)))
        if self.labels is not None:
            return self.labels.apply(mask, strict=self._strict, void=self.void)
        if not 0 <= mask.min() <= mask.max() <= WIDE_VOID:
            raise ValueError(
                f"{shown(path)}: the mask values {mask.min()} to {mask.max()} are "
                f"invalid: expected 0 to {WIDE_VOID}. Save the mask with values in "
                "this range."
            )
        narrow = max(mask.max(), self.void) <= VOID
        return mask.astype(np.uint8 if narrow else np.uint16)

    @property
    def void(self) -> int:
        """Returns the ignore index of the labels that `read` returns."""
        if self.num_classes is not None:
            return void_of(self.num_classes)
        return self.counted_void if self.labels is None else self.labels.void

    @property
    def _strict(self) -> bool:
        """Returns whether every value of a mask must be in the label map."""
        return self.given or self.unlisted == "error"

    def values(self, path: pathlib.Path) -> tuple[np.ndarray, bool]:
        """Reads a mask file and returns its values, which are not yet labels.

        Args:
          path: The mask file.

        Returns:
          The values as integers [H, W], and whether the format of the file is lossy.

        Raises:
          ValueError: If the file cannot be read as a mask.
        """
        if self.read_values is not None:
            return self.read_values(path, self.reading), False
        lossy = read_header(path, self.reading, mask=True).lossy
        if lossy and (self.labels is None or not self.given):
            raise ValueError(
                f"{shown(path)}: the compression of lossy formats (JPEG, WebP) changes "
                "mask values. Save the masks as PNG, or pass the true values, such as "
                "--data.labels 0/255. Each pixel then gets the nearest value."
            )
        if lossy and self.labels.gap < LOSSY_GAP:
            raise ValueError(
                f"{shown(path)}: the values of the label map {self.labels} are only "
                f"{self.labels.gap} apart: expected {LOSSY_GAP} or more for lossy "
                "formats (JPEG, WebP). Save the masks as PNG."
            )
        return read_pixels(path, self.reading, mask=True), lossy
