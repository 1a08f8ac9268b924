"""Opens the images and labels of a dataset of tensorflow_datasets."""

from __future__ import annotations

import dataclasses
import functools
import logging
import pathlib
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data import rasters
from jaxseg.data.classes import COUNTED, counted_names
from jaxseg.data.datasets.tfds_name import PREFIX, parse_name
from jaxseg.data.decoder import STORED, Decoder
from jaxseg.data.external import pixels
from jaxseg.data.external.builders import FOLDER, full_name, open_builder
from jaxseg.data.external.examples import StoredExamples
from jaxseg.data.external.features import (
    Feature,
    Roles,
    choose_features,
    class_names,
    image_pixels,
    leaves,
)
from jaxseg.data.external.masks import StoredMasks, digest_of, remembered
from jaxseg.data.ignore_index import void_of
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.mask_rules import require_background
from jaxseg.data.mask_values import MaskValues
from jaxseg.data.pixel_type import RGB8, PixelType, with_pixels
from jaxseg.data.prepare import INFO, data_folder
from jaxseg.data.read_options import options_of
from jaxseg.data.spec import DatasetSpec, generated_palette
from jaxseg.data.splits import check_split
from jaxseg.data.stored import DamagedData, Records
from jaxseg.storage.places import make_folder

logger = logging.getLogger(__name__)
COUNTS = "counts"  # The folder of the values that were counted in masks.


@dataclasses.dataclass(frozen=True)
class Opened:
    """Contains the opened examples from which a `jaxseg.data.source.Source` is made.

    Attributes:
      records: The examples {"image", "label", "id"}.
      spec: The classes of the dataset, and the names of the features that were read.
      decoder: Decodes the image and the label of a stored example.
      folder: The folder of the prepared data.
    """

    records: Sequence[dict[str, Any]]
    spec: DatasetSpec
    decoder: Decoder
    folder: pathlib.Path


def open_examples(config: DataConfig, split: str) -> Opened:
    """Opens the examples of a split of a tensorflow_datasets builder.

    On the first call, all masks of the split are decoded and checked. The result is
    stored in the folder of prepared data, so that later calls do not decode the masks.

    Args:
      config: The dataset and how it is read.
      split: A split, or a slice such as "train[90%:]".

    Returns:
      An `Opened` object with the examples, the classes and the decoder.

    Raises:
      ValueError: If an option is wrong, or an image or a mask is refused.
    """
    labels = parse_labels(config.labels)
    builder = open_builder(config)
    features = builder.info.features
    roles = choose_features(features, image=config.image, label=config.label)
    given = class_names(leaves(features)[roles.label])
    names, origin = named(config, labels, given, roles.label)
    check_split(builder, split)
    title = PREFIX + full_name(builder)
    kind = _pixels(config, leaves(features)[roles.image])
    limit = config.max_pixels
    masks = StoredMasks(
        labels, names=names, origin=origin, title=title, max_pixels=limit, pixels=kind
    )
    found = _counted(config, builder, roles, masks, split)
    masks.check(found)
    if not names:
        names = counted_names(set().union(*(one.values for one in found)))
        masks = dataclasses.replace(masks, names=names)
    spec = DatasetSpec(
        name=title,
        classes=names,
        palette=generated_palette(len(names)),
        void=void_of(len(names)),
        labels=labels.record if labels else (),
        origin=origin,
        source=_identity(builder, roles),
    )
    logger.info(
        "%s: the feature %r is read as image, and the feature %r is read as mask.",
        title,
        roles.image,
        roles.label,
    )
    masks = masks.of_split(split)
    records: Any = _examples(config, builder, roles, split)
    decoder = Decoder(masks.image, masks.label, masks.size)
    if config.backend == "tf":  # TensorFlow decodes PNG and JPEG, and maps no labels.
        records, decoder = [_encoded(masks, one) for one in records], STORED
    return Opened(
        records,
        spec=with_pixels(spec, kind),
        decoder=decoder,
        folder=pathlib.Path(builder.data_dir),
    )


def _pixels(config: DataConfig, feature: Feature) -> PixelType:
    """Returns the channels and the type of the images."""
    found = image_pixels(feature, options_of(config))
    if found == RGB8 and config.range is not None:
        raise ValueError(
            f"data.range={config.range!r} is invalid: expected None for "
            f"data.name={config.name!r}, because its images have 8 bits."
        )
    if config.backend == "tf" and found != RGB8:
        raise ValueError(
            f"data.backend='tf' is invalid: expected 'grain', because the images have "
            f"{found}, and tf.data reads only 8-bit RGB. Pass --data.backend grain."
        )
    return found


def named(
    config: DataConfig,
    labels: LabelMap | None,
    given: tuple[str, ...],
    feature: str,
) -> tuple[tuple[str, ...], str]:
    """Finds the class names of a tensorflow_datasets builder.

    They are taken from the first of these sources that has names: `data.classes`, the
    feature of the mask, and the label map. A feature has one name for each mask value.
    If the label map merges several values to one class, the class gets the joined names
    of these values, as in `car+truck`.

    Args:
      config: The data configuration.
      labels: The label map, or None.
      given: The names that the feature of the mask gives to mask values, or ().
      feature: The name of the feature of the mask.

    Returns:
      A pair: the class names, and a text that says where they come from. The names are
      () if the masks determine the classes.

    Raises:
      ValueError: If the label map contradicts the names.
    """
    if config.classes:
        if labels is not None:
            labels.require_classes(len(config.classes), "--data.classes")
        else:
            require_background(config.classes, "--data.classes")
        return config.classes, "--data.classes"
    origin = f"the names of feature {feature!r}"
    if labels is None:
        return (given, origin) if given else ((), COUNTED)
    numbered = labels.class_names()
    if not given or max(v for v, k in labels.pairs if k != labels.void) >= len(given):
        return numbered, "--data.labels"
    joined = tuple(
        "+".join(given[value] for value, k in labels.pairs if k == label)
        for label in labels.classes
    )
    return joined, f"{origin} and --data.labels"


def _counted(
    config: DataConfig,
    builder: tfds.core.DatasetBuilder,
    roles: Roles,
    masks: StoredMasks,
    split: str,
) -> list[MaskValues]:
    """Returns the values in the masks of a split.

    Without class names the classes are counted. Training and evaluation must find the
    same ones, so the masks of both splits are counted then.
    """
    more = () if masks.names else (config.train_split, config.eval_split)
    found = []
    for one in sorted({split, *more}):
        check_split(builder, one)
        file = _counts_file(config, builder, roles, one)
        examples = functools.partial(_examples, config, builder, roles, one)
        found.append(remembered(file, masks.of_split(one), examples, one))
    return found


def _examples(
    config: DataConfig, builder: tfds.core.DatasetBuilder, roles: Roles, split: str
) -> Records:
    folder = pathlib.Path(builder.data_dir)
    ours = parse_name(config.name).folder is None
    try:
        examples = StoredExamples(builder, split, roles=roles, backend=config.backend)
    except (OSError, RuntimeError) as error:
        raise DamagedData(folder, error, ours=ours) from error
    return Records(examples, folder, ours=ours)


def _encoded(masks: StoredMasks, record: dict[str, Any]) -> dict[str, bytes]:
    """Returns an example as tf.data decodes it: RGB, and a PNG of the labels."""
    place = masks.place(record)
    return {
        "image": pixels.encoded_image(record["image"], place, masks.max_pixels),
        "label": rasters.encode_png(masks.label(record), level=1),
        "id": record["id"],
    }


def _identity(
    builder: tfds.core.DatasetBuilder, roles: Roles
) -> tuple[tuple[str, str], ...]:
    """Returns what a run records of the dataset, to be compared when it is resumed."""
    sizes = sorted(
        (name, info.num_examples, info.num_bytes)
        for name, info in builder.info.splits.items()
    )
    return (
        ("builder", full_name(builder)),
        ("image", roles.image),
        ("label", roles.label),
        ("records", digest_of(sizes)),
    )


def _counts_file(
    config: DataConfig, builder: tfds.core.DatasetBuilder, roles: Roles, split: str
) -> pathlib.Path:
    """Returns where the counted values of a split are kept."""
    folder = pathlib.Path(builder.data_dir)
    info = (folder / INFO).read_text()
    what = (str(folder), info, roles.image, roles.label, split, config.max_pixels)
    make_folder("data.prepared_dir", data_folder(config))
    return data_folder(config) / FOLDER / COUNTS / f"{digest_of(*what)}.json"
