"""Logs warnings about missing pairs, absent classes and old prepared data."""

from __future__ import annotations

import logging
import pathlib

import tensorflow_datasets as tfds

from jaxseg.data.classes import shown_classes
from jaxseg.text import counted

logger = logging.getLogger(__name__)


def warn_of(builder: tfds.core.DatasetBuilder, folder: pathlib.Path) -> None:
    """Logs warnings about prepared data.

    The warnings are about pairs of image and mask that were left out because a file is
    bad, classes without pixels, and data that an earlier version of jaxseg prepared.

    Args:
      builder: The builder of the prepared data.
      folder: The folder of the prepared data.
    """
    _report_skipped(builder)
    _report_absent(builder)
    _report_form(builder, folder)


def _report_skipped(builder: tfds.core.DatasetBuilder):
    skipped = (builder.info.metadata or {}).get("skipped", {})
    for split, names in skipped.items():
        if names:
            logger.warning(
                "Dataset %r leaves out %s (image and mask) in split %r: %s.",
                builder.name,
                counted(len(names), "bad pair"),
                split,
                ", ".join(names[:10]) + (", ..." if len(names) > 10 else ""),
            )


def _report_form(builder: tfds.core.DatasetBuilder, folder: pathlib.Path):
    """Warns of data that an earlier version stored as PNG instead of tiles."""
    tiled = (builder.info.metadata or {}).get("tiled", False)
    if getattr(builder, "tiled", tiled) and not tiled:
        logger.warning(
            "The prepared data in %s are from an earlier version and are read more "
            "slowly. Delete that folder, and the next start prepares them again.",
            folder,
        )


def _report_absent(builder: tfds.core.DatasetBuilder):
    """Warns of classes that never occur, or that a split of the user lacks."""
    metadata = builder.info.metadata or {}
    found = metadata.get("labels")
    if found is None:
        return
    classes = builder.spec().classes
    absent = [name for k, name in enumerate(classes) if k not in found]
    if absent:
        logger.warning(
            "Dataset %r has no mask with a pixel of %s.",
            builder.name,
            shown_classes(absent),
        )
    if builder.dataset.spec is not None:  # The splits of published datasets are known.
        return
    for split, own in metadata.get("labels_of_split", {}).items():
        lacking = [classes[k] for k in found if k < len(classes) and k not in own]
        if lacking:
            logger.warning(
                "Split %r has no mask with a pixel of %s, but another split has.",
                split,
                shown_classes(lacking),
            )
