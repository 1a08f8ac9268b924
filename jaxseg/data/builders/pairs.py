"""Builds examples from pairs of an image file and a mask file.

The pixel values of all masks are counted and checked before anything is written. Then
every image and mask is decoded once. Damaged files, and masks whose size differs from
that of the image, therefore cause an error here and not during training.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import logging
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import layouts, rasters, reader
from jaxseg.data.builders.named import NamedBuilder
from jaxseg.data.builders.stored_feature import StoredPixels
from jaxseg.data.classes import counted_names, folder_spec, overlapping_spec
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import name_others, shown
from jaxseg.data.ignore_index import counted_void, void_of
from jaxseg.data.label_bits import unpack
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.mask_rules import check_values
from jaxseg.data.mask_values import MaskValues
from jaxseg.data.pair_rules import check_size, require_both
from jaxseg.data.parts import Page
from jaxseg.data.pixel_type import with_pixels
from jaxseg.data.spec import VOID, DatasetSpec
from jaxseg.text import counted

logger = logging.getLogger(__name__)


class PairsBuilder(NamedBuilder, skip_registration=True):
    """Builds the examples {"image", "label", "id"} from pairs of image and mask files.

    Args:
      file_format: "array_record", or "tfrecord" for tf.data.
      **options: Options that every builder of tensorflow_datasets takes.
    """

    def __init__(self, *, file_format: str = "array_record", **options: Any) -> None:
        self.tiled = file_format == "array_record"
        self.counted_void = VOID  # `check_masks` replaces it.
        super().__init__(file_format=file_format, **options)

    def class_names(self) -> tuple[str, ...]:
        """Returns the class names, or () if the masks determine the classes."""
        return self.builder_config.class_names

    def spec(self) -> DatasetSpec:
        """Returns the `DatasetSpec`: the classes, the pixels and the user's label map.

        If there are no class names, the classes are called `class_0`, `class_1` and so
        on, up to the highest label in the masks.
        """
        config, spec = self.builder_config, self.dataset.spec
        if spec is None:
            names = config.classes
            if not names:
                names = counted_names(self.info.metadata["labels"])
            spec = folder_spec(names, config.origin)
        if self.dataset.multilabel:
            spec = overlapping_spec(spec.classes, config.origin)
        labels = config.labels.record if config.labels else ()
        return with_pixels(dataclasses.replace(spec, labels=labels), config.pixels)

    @property
    def masks(self) -> MaskReader:
        """Returns the `MaskReader`, which converts the mask files to labels."""
        masks = self.builder_config.masks
        return dataclasses.replace(masks, counted_void=self.counted_void)

    def features(self) -> dict[str, Any]:
        """Returns a dictionary from each array's name to its feature (of tfds).

        Images are stored as bytes, which are an unchanged JPEG file or encoded tiles.
        """
        names, shape = self.class_names(), (None, None, 1)
        pixels = self.builder_config.pixels
        image_shape = (None, None, pixels.channels)
        label_type = "uint8" if void_of(len(names)) == VOID else "uint16"
        if self.tiled:
            return {
                "image": StoredPixels(shape=image_shape, dtype=pixels.dtype),
                "label": StoredPixels(shape=shape, dtype=label_type, names=names),
            }
        label = (
            tfds.features.LabeledImage(labels=list(names), shape=shape)
            if names
            else tfds.features.Image(shape=shape)
        )
        return {"image": tfds.features.Image(shape=image_shape), "label": label}

    def metadata(self) -> dict[str, Any]:
        """Returns a dictionary of metadata, which is stored with the prepared data.

        The entry "tiled" states whether pixels are stored in tiles. The other entries
        are empty until the examples are read. Then "labels" contains the labels in any
        split, "labels_of_split" contains the labels in each split, and "skipped"
        contains the names of the pairs that each split leaves out.
        """
        lists = {"labels": [], "labels_of_split": {}, "skipped": {}}
        return lists | {"tiled": self.tiled}

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        config = self.builder_config
        splits = self.dataset.layout(pathlib.Path(config.path), config.lists)
        for split, pairs in splits.items():
            if not pairs:
                sizes = {name: len(found) for name, found in splits.items()}
                raise ValueError(
                    f"split {split!r} of dataset {self.name!r} is empty: expected at "
                    "least one pair of image and mask, but the numbers of pairs in "
                    f"{config.path} are {sizes}. "
                    f"{self.dataset.where()}"
                )
        if self.dataset.spec is None:  # Published datasets have other files.
            for folder, others in layouts.left_out(splits).items():
                logger.warning("In %s, %s.", shown(folder), name_others(others))
        _report_counts(self.dataset, splits)
        _report_shared(splits)
        self.check_masks(splits)
        return {
            split: self._generate_examples(split, pairs)
            for split, pairs in splits.items()
        }

    def check_masks(self, splits: dict[str, list[layouts.Pair]]) -> None:
        """Raises an error unless the class of every pixel value in the masks is known.

        Args:
          splits: The pairs of each split.

        Raises:
          ValueError: If a mask cannot be read, or has a value that is neither in the
            label map nor the label of a class.
        """
        masks, found = self.masks, []
        skip = self.builder_config.on_bad_file == "skip"
        for split, pairs in splits.items():
            paths = [pair.mask for pair in pairs if self._is_complete(split, pair)]
            found.append(masks.count_all(split, paths, skip=skip))
            if masks.labels is not None:
                masks.check(found[-1])
                _report_unlisted(self.dataset, found[-1], masks.labels)
        if masks.labels is None and not masks.multilabel:
            check_values(found, self.class_names(), masks.origin)
            values = set().union(*(one.values for one in found))
            self.counted_void = counted_void(values)

    def _is_complete(self, split: str, pair: layouts.Pair) -> bool:
        try:
            require_both(pair, self.builder_config.path)
        except ValueError as error:
            if self.builder_config.on_bad_file == "stop":
                raise ValueError(f"split {split!r}: {error}") from error
            return False
        return True

    def _generate_examples(
        self, split: str, pairs: list[layouts.Pair]
    ) -> Iterator[tuple[str, dict]]:
        seen: set[int] = set()
        skipped, turned, first = [], [], None
        for pair in pairs:
            try:
                example, label, orientation = self.read(pair)
            except ValueError as error:
                if self.builder_config.on_bad_file == "stop":
                    raise ValueError(f"split {split!r}: {error}") from error
                logger.warning("Split %r leaves out a bad pair: %s", split, error)
                skipped.append(shown(pair.name))
                first = first or error
                continue
            turned += [pair.name] if orientation != 1 else []
            seen.update(self._classes_in(label))
            yield pair.name, {**example, "id": pair.name}
        if len(skipped) == len(pairs):
            raise ValueError(
                f"split {split!r} of dataset {self.name!r} is empty, because all "
                f"{len(pairs)} pairs of image and mask are invalid. The first error "
                f"is: {first}"
            )
        _report_turned(split, turned)
        before = self.info.metadata["labels"]
        self.info.metadata["labels"] = sorted({*before, *seen})
        self.info.metadata["labels_of_split"][split] = sorted(seen)
        self.info.metadata["skipped"][split] = skipped

    def _classes_in(self, label: np.ndarray) -> list[int]:
        """Returns the labels that occur, or the classes that occur if they overlap."""
        if not self.dataset.multilabel:
            return np.unique(label).tolist()
        spec = self.spec()
        present, _ = unpack(np.unique(label), spec.num_classes, spec.void)
        return np.flatnonzero(present.any(0)).tolist()

    def read(self, pair: layouts.Pair) -> tuple[dict[str, Any], np.ndarray, int]:
        """Reads and encodes one image and its mask.

        Args:
          pair: The files of the example.

        Returns:
          Three values: the dictionary {"image", "label"} of encoded arrays, each as a
          binary file object; the labels [H, W]; and the orientation tag of the image,
          1 to 8.

        Raises:
          ValueError: If a file is damaged or its content is invalid.
        """
        require_both(pair, self.builder_config.path)
        reading, read_page = self.builder_config.reading, self.dataset.read_page
        if read_page is not None and isinstance(pair.image, Page):
            header, pixels = None, read_page(pair.image)
            image = rasters.encode_image(pixels, tiled=self.tiled)
            size = pixels.shape[:2]
        else:
            header = reader.read_header(pair.image, reading)
            self.builder_config.check_pixels(pair.image, header.pixels)
            image, size = rasters.read_image(pair.image, reading, tiled=self.tiled)
        label = self.masks.read(pair.mask)
        check_size(pair, size, label.shape, header=header, masks=self.masks)
        stored = rasters.encode_label(label, tiled=self.tiled)
        example = {"image": io.BytesIO(image), "label": io.BytesIO(stored)}
        return example, label, header.orientation if header else 1


def _report_counts(dataset: Dataset, splits: dict[str, list[layouts.Pair]]):
    """Warns of splits that are smaller or larger than the published ones."""
    for split, pairs in splits.items():
        published = dataset.counts.get(split, len(pairs))
        if len(pairs) != published:
            logger.warning(
                "Split %r of dataset %r has %d pairs, but the published split has %d. "
                "Its scores are not comparable with published scores.",
                *(split, dataset.name, len(pairs), published),
            )


def _report_unlisted(dataset: Dataset, found: MaskValues, labels: LabelMap):
    """Warns of values that no published list contains and that become void."""
    pixels = {v: n for v, n in found.pixels.items() if v not in set(labels.values)}
    if pixels:
        logger.warning(
            "The masks of split %r of dataset %r contain values that are not in the "
            "published list. Their pixels become void: %s.",
            *(found.split, dataset.name),
            MaskValues.of_mask(pathlib.Path(), pixels).describe_values(),
        )


def _report_shared(splits: dict[str, list[layouts.Pair]]):
    """Warns of images in two splits, because scores on training images are too high."""
    for (one, first), (other, second) in itertools.combinations(splits.items(), 2):
        images = {pair.image for pair in first if pair.image}
        names = [shown(pair.name) for pair in second if pair.image in images]
        if names:
            logger.warning(
                "Splits %r and %r share %s (%s). Scores on images that the network was "
                "trained on are too high.",
                *(one, other, counted(len(names), "image")),
                ", ".join(names[:10]) + (", ..." if len(names) > 10 else ""),
            )


def _report_turned(split: str, names: list[str]):
    if names:
        logger.warning(
            "The EXIF orientation tag of %s of split %r is applied (%s). Each mask "
            "must fit its image as an image viewer shows it.",
            counted(len(names), "image"),
            split,
            ", ".join(names[:5]) + (", ..." if len(names) > 5 else ""),
        )
