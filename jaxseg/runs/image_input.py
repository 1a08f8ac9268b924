"""Finds the image normalization and the channel order that converted weights expect.

Images are RGB everywhere in jaxseg. Weights that were trained on BGR images become
weights for RGB images when the input channels of their first convolution are reversed.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.runs.directory import CHANNELS, read_spec
from jaxseg.text import counted
from jaxseg.weights.catalog.evidence import gather
from jaxseg.weights.catalog.mmseg_config import stated_normalization
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.published import table
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
    source: Source | None,
    beside: Mapping[str, Any],
    *,
    address: str,
    path: str,
    own: pathlib.Path | None = None,
) -> Stated:
    """Returns a pair: the image normalization of weights, and notes for the user.

    If the normalization is not known, a common one is assumed, and a note says so.

    Args:
        source: The `Source` that describes checkpoints of this kind, such as the
            ResNets of timm. It is None if the weights have jaxseg's own format.
        beside: The entries of the checkpoint file other than the state dict.
        address: The file, run directory, `hf://` address or name of the weights.
        path: The local file or folder.
        own: The run directory if jaxseg trained the weights, or None otherwise.
    """
    entry = None if address == path else table.find(address)
    if entry is not None:
        return Normalization(entry.mean, entry.std), ()
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
    """Returns a normalization with its values in the order red, green, blue."""
    if normalization.order == "RGB":
        return normalization
    return dataclasses.replace(
        normalization,
        mean=normalization.mean[::-1],
        std=normalization.std[::-1],
        order="RGB",
    )


def for_channels(
    normalization: Normalization, channels: int
) -> tuple[Normalization, tuple[str, ...]]:
    """Adapts an image normalization to images with another number of channels.

    For images with one channel, the values of the channels are averaged. Otherwise they
    are repeated in turn: red, green, blue, red, and so on.
    `jaxseg.weights.translate.input_channels` repeats the channels of the kernel in the
    same way.

    Args:
        normalization: The normalization of the source, with channels in RGB order.
        channels: The number of channels of the images.

    Returns:
        A pair: the adapted normalization, and notes for the user about changed values.
    """
    have = len(normalization.mean)
    if channels == have:
        return normalization, ()
    values = [np.asarray(part) for part in (normalization.mean, normalization.std)]
    if channels == 1:
        rule, values = "averages", [part.mean(keepdims=True) for part in values]
    else:
        rule, values = "repeats", [part[np.arange(channels) % have] for part in values]
    mean, std = (tuple(round(float(v), 6) for v in part) for part in values)
    note = (
        f"the network takes images with {counted(channels, 'channel')}, but the "
        f"source states the mean and the deviation of {counted(have, 'channel')}; the "
        f"run {rule} them: mean {_listed(mean)}, deviation {_listed(std)}"
    )
    return dataclasses.replace(normalization, mean=mean, std=std), (note,)


def _listed(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


def rgb_variables(
    variables: Mapping[str, Any], order: str, channels: int, *, adapted: bool = False
) -> Any:
    """Returns variables of a network whose first convolution takes RGB images.

    Args:
        variables: The variables of the network.
        order: The order of the channels for which the network was trained, "RGB" or
            "BGR".
        channels: The number of channels of the images. If it is 1, nothing changes.
        adapted: Whether the first convolution was adapted from three input channels to
            `channels`, by repeating them.

    Raises:
        ValueError: If the first convolution cannot be identified, or if its channels
            cannot be reversed.
    """
    if order == "RGB" or channels == 1:
        return variables
    flat = flatten_dict(variables, sep="/")
    shapes = {name: np.shape(leaf) for name, leaf in flat.items()}
    first = [n for n, shape in shapes.items() if shape[2:3] == (channels,)]
    repeated = adapted and channels > CHANNELS
    if len(first) != 1 or not (repeated or channels == CHANNELS):
        found = ", ".join(first) or "none"
        raise ValueError(
            f"the weights for {order} images are invalid: expected exactly one kernel "
            f"with {CHANNELS} input channels, so that they can be reversed for RGB "
            f"images, found {found}. Convert the weights "
            f"to a file, such as -o weights.npz, and give the network {order} images."
        )
    reverse = CHANNELS - 1 - np.arange(channels) % CHANNELS
    kernel = np.asarray(flat[first[0]])[:, :, reverse]
    return unflatten_dict({**flat, first[0]: kernel}, sep="/")
