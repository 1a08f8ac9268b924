"""What images converted weights expect: normalization, and the order of the channels.

Images are RGB everywhere in jaxseg. Weights that were trained on BGR images become
weights for RGB images when the inputs of their first convolution are reversed.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.runs.directory import CHANNELS, read_spec
from jaxseg.weights.catalog.evidence import gather
from jaxseg.weights.catalog.mmseg_config import stated_normalization
from jaxseg.weights.loading import Imported
from jaxseg.weights.translate.model_card import Normalization, normalization_of

Stated = tuple[Normalization, tuple[str, ...]]
REVERSED = (
    "the network was trained on BGR images; in the run directory its first convolution "
    "is reversed, so that it takes RGB images"
)
UNKNOWN = (
    "the normalization is unknown, because the file contains only weights; the mean "
    "and standard deviation of ImageNet are used"
)


def stated_input(
    imported: Imported, address: str, path: str, own: pathlib.Path | None
) -> Stated:
    """How the network's images are normalized, with notes where that is not certain.

    Args:
        imported: The weights.
        address: Where they come from.
        path: The file or folder on this machine.
        own: The run directory that they were read from, None for other sources.
    """
    source, beside = imported.source, imported.beside
    if source is None and own is None:
        return Normalization(), (UNKNOWN,)
    if source is None:
        spec = read_spec(own)
        return Normalization(spec.mean, spec.std), ()
    stated = stated_normalization(beside)
    if stated is not None:
        return stated, (REVERSED,) if stated.order != "RGB" else ()
    config = gather(address, path, beside).config
    stated = normalization_of(config.get("pretrained_cfg"))
    if stated is not None:
        return stated, ()
    normalization, note = source.normalization_of(address)
    return normalization, (note,) if note else ()


def for_rgb(normalization: Normalization) -> Normalization:
    """The same normalization of an image whose channels are red, green and blue."""
    if normalization.order == "RGB":
        return normalization
    return dataclasses.replace(
        normalization,
        mean=normalization.mean[::-1],
        std=normalization.std[::-1],
        order="RGB",
    )


def rgb_variables(variables: Mapping[str, Any], order: str, channels: int) -> Any:
    """The variables that give for RGB images what these give for images in `order`.

    Args:
        variables: Of a network.
        order: "RGB" or "BGR".
        channels: Of the network's images. A gray image has no order.

    Raises:
        ValueError: More than one kernel, or none, has an input for each of the three
            colors, so that the first convolution cannot be told from the others.
    """
    if order == "RGB" or channels == 1:
        return variables
    flat = flatten_dict(variables, sep="/")
    shapes = {name: np.shape(leaf) for name, leaf in flat.items()}
    first = [n for n, shape in shapes.items() if shape[2:3] == (CHANNELS,)]
    if len(first) != 1 or channels != CHANNELS:
        found = ", ".join(first) or "none"
        raise ValueError(
            f"the weights are for {order} images, and the convolution to reverse for "
            f"RGB images is not certain (kernels with {CHANNELS} inputs: {found}). "
            "Convert them to a file, -o weights.npz, and reverse the images yourself"
        )
    kernel = np.asarray(flat[first[0]])[:, :, ::-1]
    return unflatten_dict({**flat, first[0]: kernel}, sep="/")
