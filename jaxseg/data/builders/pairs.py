"""Reads and checks image and mask files for the builders that use such pairs.

The values of all masks are counted and checked before anything is written. Then every
pair is decoded once, so damaged files and masks of another size are found here and not
in the middle of a training run.
"""

from __future__ import annotations

import abc
import dataclasses
import io
import itertools
import logging
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import layouts, rasters, reader
from jaxseg.data.files import name_others, shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.mask_rules import check_values
from jaxseg.data.spec import DatasetSpec

logger = logging.getLogger(__name__)
BAD_FILE_RULES = ("stop", "skip")
LABEL_RULES = 2  # Increase it when the same masks give other labels.


@dataclasses.dataclass(eq=False)
class PairsConfig(tfds.core.BuilderConfig):
    """Configures where the files are and how they are read.

    The field `name` is a fingerprint of the files and the options.

    Attributes:
      path: The folder of the raw files.
      classes: The class names, or () if they follow from the masks.
      origin: Where the class names come from, for messages.
      labels: The label map of the masks. By default the mask values are the labels.
      on_bad_file: "stop" raises an error at the first bad file; "skip" leaves the pair
        out.
      lists: The names of further splits that can have a list.
      reading: The options of the image reader.
    """

    path: str = ""
    classes: tuple[str, ...] = ()
    origin: str = ""
    labels: LabelMap | None = None
    on_bad_file: str = "stop"
    lists: tuple[str, ...] = ()
    reading: reader.ReadOptions = reader.DEFAULTS


def pairs_config(
    path: str | None, builder: type[PairsBuilder], **options
) -> PairsConfig:
    """Returns a configuration whose name changes with the files and the options.

    Args:
      path: The folder of the raw files.
      builder: The builder that finds the pairs in that folder.
      **options: Further fields of `PairsConfig`.

    Raises:
      ValueError: If the path is missing or `on_bad_file` is unknown.
    """
    if not path:
        raise ValueError(
            f"data.raw_dir={path!r} is invalid: expected the folder of the dataset's "
            "files."
        )
    root = pathlib.Path(path).expanduser().absolute()
    config = PairsConfig(name="", path=str(root), **options)
    if config.on_bad_file not in BAD_FILE_RULES:
        raise ValueError(
            f"data.on_bad_file={config.on_bad_file!r} is invalid: expected one of "
            f"{', '.join(BAD_FILE_RULES)}."
        )
    pairs = builder.find_pairs(root, config.lists)
    rules = (
        *(config.classes, config.labels, config.on_bad_file, config.reading),
        *(LABEL_RULES, reader.VERSION),
    )
    return dataclasses.replace(config, name=layouts.fingerprint(pairs, rules))


class PairsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds examples {"image", "label", "id"} from pairs of files.

    It is the base class of three builders. A subclass defines `find_pairs`, `spec` and,
    where needed, `class_names`. Its `LABELS` is the label map that applies if the user
    gives none.
    """

    VERSION = tfds.core.Version("1.0.0")
    LABELS: LabelMap | None = None

    @staticmethod
    @abc.abstractmethod
    def find_pairs(
        root: pathlib.Path, lists: tuple[str, ...] = ()
    ) -> dict[str, list[layouts.Pair]]:
        """Finds the pairs of each split in a folder.

        Args:
          root: The folder.
          lists: The names of further splits that can have a list.
        """

    @abc.abstractmethod
    def spec(self) -> DatasetSpec:
        """Returns the description of the prepared data."""

    def class_names(self) -> tuple[str, ...]:
        """Returns the class names, or () if they follow from the masks."""
        return self.spec().classes

    def recorded(self, spec: DatasetSpec) -> DatasetSpec:
        """Returns a specification that contains the label map of the user."""
        labels = self.builder_config.labels if self.builder_config else None
        return dataclasses.replace(spec, labels=labels.record if labels else ())

    @property
    def masks(self) -> MaskReader:
        """Returns the reader that converts the mask files to labels."""
        config = self.builder_config
        return MaskReader(
            config.labels or self.LABELS,
            given=config.labels is not None,
            num_classes=len(self.class_names()) or None,
            origin=config.origin or f"dataset {self.name!r}",
            reading=config.reading,
        )

    def _info(self) -> tfds.core.DatasetInfo:
        names = self.class_names() if self.builder_config else ()
        shape = (None, None, 1)
        label = (
            tfds.features.LabeledImage(labels=list(names), shape=shape)
            if names
            else tfds.features.Image(shape=shape)
        )
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": label,
                "id": tfds.features.Text(),
            }
        )
        return self.dataset_info_from_configs(
            features=features, metadata=tfds.core.MetadataDict(labels=[], skipped={})
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        if self.builder_config is None:
            raise ValueError(
                f"dataset {self.name!r} has no configuration: expected "
                "config=pairs_config(path, ...)."
            )
        config = self.builder_config
        splits = self.find_pairs(pathlib.Path(config.path), config.lists)
        for split, pairs in splits.items():
            if not pairs:
                sizes = {name: len(found) for name, found in splits.items()}
                raise ValueError(
                    f"split {split!r} of dataset {self.name!r} is empty: expected at "
                    f"least one pair, found {sizes} in {config.path}."
                )
        for folder, others in layouts.left_out(splits).items():
            logger.warning("In %s, %s.", shown(folder), name_others(others))
        _report_shared(splits)
        self._check_masks(splits)
        return {
            split: self._generate_examples(split, pairs)
            for split, pairs in splits.items()
        }

    def _check_masks(self, splits: dict[str, list[layouts.Pair]]) -> None:
        """Refuses masks whose values do not state which classes they contain."""
        masks, found = self.masks, []
        skip = self.builder_config.on_bad_file == "skip"
        for split, pairs in splits.items():
            paths = [pair.mask for pair in pairs if self._is_complete(split, pair)]
            found.append(masks.count_all(split, paths, skip=skip))
            if masks.labels is not None:
                masks.check(found[-1])
        if masks.labels is None:
            check_values(found, self.class_names(), masks.origin)

    def _is_complete(self, split: str, pair: layouts.Pair) -> bool:
        try:
            self._require_both(pair)
        except ValueError as error:
            if self.builder_config.on_bad_file == "stop":
                raise ValueError(f"split {split!r}: {error}") from error
            return False
        return True

    def _generate_examples(
        self, split: str, pairs: list[layouts.Pair]
    ) -> Iterator[tuple[str, dict]]:
        seen: set[int] = set(self.info.metadata["labels"])
        skipped, turned, first = [], [], None
        for pair in pairs:
            try:
                image, label, orientation = self._read(pair)
            except ValueError as error:
                if self.builder_config.on_bad_file == "stop":
                    raise ValueError(f"split {split!r}: {error}") from error
                logger.warning("Split %r leaves out a bad pair: %s", split, error)
                skipped.append(shown(pair.name))
                first = first or error
                continue
            turned += [pair.name] if orientation != 1 else []
            seen.update(np.unique(label).tolist())
            label_png = io.BytesIO(rasters.encode_png(label))
            yield (
                pair.name,
                {"image": io.BytesIO(image), "label": label_png, "id": pair.name},
            )
        if len(skipped) == len(pairs):
            raise ValueError(
                f"split {split!r} of dataset {self.name!r} is empty, because all "
                f"{len(pairs)} pairs are bad. The first error is: {first}"
            )
        _report_turned(split, turned)
        self.info.metadata["labels"] = sorted(seen)
        self.info.metadata["skipped"][split] = skipped

    def _read(self, pair: layouts.Pair) -> tuple[bytes, np.ndarray, int]:
        """Returns the stored bytes of an image, its labels and its orientation tag."""
        self._require_both(pair)
        reading = self.builder_config.reading
        image, _ = rasters.read_image(pair.image, reading)
        label = self.masks.read(pair.mask)
        header = reader.read_header(pair.image, reading)
        if label.shape != header.size:
            mask = reader.read_header(pair.mask, reading)
            raise ValueError(
                f"{pair.mask} is {label.shape[0]}x{label.shape[1]}: expected the size "
                f"{header.size[0]}x{header.size[1]} (height x width) of {pair.image}"
                f"{reader.turn_hint(header, mask)}."
            )
        return image, label, header.orientation

    def _require_both(self, pair: layouts.Pair):
        name, folder = shown(pair.name), self.builder_config.path
        for kind in ("image", "mask"):
            if getattr(pair, kind) is None:
                listed = f" (listed in {pair.origin})" if pair.origin else ""
                others = f": {name_others(pair.others)}" if pair.others else ""
                raise ValueError(
                    f"{kind} {name!r} is missing in {folder}{listed}{others}."
                )
        if not _is_text(pair.name):
            raise ValueError(
                f"{name} in {folder} is invalid: expected a file name in UTF-8. Rename "
                "the file."
            )


def _is_text(name: str) -> bool:
    """Returns whether the name of a file is valid UTF-8.

    Python represents other bytes as surrogates.
    """
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _report_shared(splits: dict[str, list[layouts.Pair]]):
    """Warns of images in two splits, because scores on training images are too high."""
    for (one, first), (other, second) in itertools.combinations(splits.items(), 2):
        images = {pair.image for pair in first if pair.image}
        names = [shown(pair.name) for pair in second if pair.image in images]
        if names:
            logger.warning(
                "Splits %r and %r share %d images (%s). Scores on images that the "
                "network was trained on are too high.",
                *(one, other, len(names)),
                ", ".join(names[:10]) + (", ..." if len(names) > 10 else ""),
            )


def _report_turned(split: str, names: list[str]):
    if names:
        logger.warning(
            "The orientation tags of %d images of split %r are applied (%s). Their "
            "masks must be drawn on the pictures as viewers show them.",
            len(names),
            split,
            ", ".join(names[:5]) + (", ..." if len(names) > 5 else ""),
        )
