"""Finds the features of a dataset that contain the image and the mask."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data.builders.stored_feature import StoredPixels
from jaxseg.data.pixel_type import RGB8, PixelType, chosen_type
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused
from jaxseg.data.spec import IMAGE_TYPES, MOST_CHANNELS
from jaxseg.text import near

IMAGE = (
    "an Image of dtype uint8 with 1 or 3 channels, or an Image or a Tensor of shape "
    "[H, W, C], of dtype uint8, uint16 or float32 with 1 to 32 channels"
)
MASK = (
    "a LabeledImage, an Image with 1 channel or a Tensor of shape [H, W] or [H, W, 1], "
    "of dtype uint8, uint16 or int32"
)
MASK_TYPES = ("uint8", "uint16", "int32")
Feature = tfds.features.FeatureConnector
ENCODED = (tfds.features.Image, StoredPixels)  # The features that store images.


@dataclasses.dataclass(frozen=True)
class Roles:
    """Contains the names of the features for the image and the mask.

    In the name of a nested feature, a slash separates the levels.

    Attributes:
      image: The name of the feature with the image.
      label: The name of the feature with the mask.
    """

    image: str
    label: str


def leaves(features: tfds.features.FeaturesDict, prefix: str = "") -> dict[str, Any]:
    """Returns a dictionary from names to features, including the nested features.

    A nested feature has a name such as annotation/mask.

    Args:
      features: The features of a builder.
      prefix: The start of each name.
    """
    found: dict[str, Any] = {}
    for name, feature in sorted(features.items()):
        if type(feature) is tfds.features.FeaturesDict:
            found |= leaves(feature, f"{prefix}{name}/")
        else:
            found[prefix + name] = feature
    return found


def choose_features(
    features: Feature, *, image: str | None, label: str | None
) -> Roles:
    """Finds the features that contain the image and the mask.

    A feature that the user does not name is inferred, which works if only one feature
    is possible. For the image, features of 8-bit color images are considered first,
    then those of 8-bit gray images, and then those of other images. A feature with one
    channel can be a mask. It can also be a gray image, unless its type is LabeledImage.

    Args:
      features: The features of a builder.
      image: The option `data.image`, or None to infer the feature.
      label: The option `data.label`, or None to infer the feature.

    Returns:
      A `Roles` object with the names of both features.

    Raises:
      ValueError: If a name is wrong, if several features are possible, or if no feature
        is possible.
    """
    if type(features) is not tfds.features.FeaturesDict:
        raise ValueError(
            "data.name is invalid: expected a dataset whose examples are dictionaries "
            f"of features, found {features!r}."
        )
    found = leaves(features)
    _check_named("image", image, found)
    _check_named("label", label, found)
    if image is None:
        images = [n for n, f in found.items() if is_image(f) and n != label]
        colors = [n for n in images if found[n].shape[-1] == 3]
        grays = [n for n in images if not _is_labeled(found[n])]
        wide = [n for n, f in found.items() if is_wide(f) and not is_mask(f)]
        image = _only("image", colors or grays or wide, found, IMAGE)
    if label is None:
        masks = [n for n, f in found.items() if is_mask(f) and n != image]
        label = _only("label", masks, found, MASK)
    if image == label:
        raise ValueError(
            f"data.label={label!r} is invalid: expected a different feature from "
            f"data.image={image!r}."
        )
    return Roles(image, label)


def is_image(feature: Feature) -> bool:
    """Returns whether a feature contains 8-bit gray or RGB images."""
    one = isinstance(feature, ENCODED)
    return one and _type(feature) == "uint8" and feature.shape[-1] in (1, 3)


def is_wide(feature: Feature) -> bool:
    """Returns whether a feature contains images that are not 8-bit gray or RGB."""
    known = isinstance(feature, ENCODED) or type(feature) is tfds.features.Tensor
    if is_image(feature) or not known or _type(feature) not in IMAGE_TYPES:
        return False
    shape = feature.shape
    if len(shape) != 3 or (shape[0] is None) != (shape[1] is None):
        return False
    return shape[2] is not None and 1 <= shape[2] <= MOST_CHANNELS


def image_pixels(feature: Feature, options: ReadOptions) -> PixelType:
    """Returns the number of channels and the type of the images in a feature.

    The result is a `PixelType`.

    Args:
      feature: The feature.
      options: The options of the image reader.

    Raises:
      ValueError: If the options do not allow such images.
    """
    try:
        pixels = chosen_type(feature.shape[-1], np.dtype(_type(feature)), options)
    except Refused as error:
        raise ValueError(
            f"The feature {_shown(feature)} is refused. {error}"
        ) from error
    if options.pixels == "rgb8" and pixels != RGB8:
        raise ValueError(
            "data.pixels='rgb8' is invalid: expected 'stored', because the images are "
            f"{_shown(feature)}. Leave data.pixels out."
        )
    return pixels


def is_mask(feature: Feature) -> bool:
    """Returns whether a feature contains one integer for each pixel."""
    if _type(feature) not in MASK_TYPES:
        return False
    if isinstance(feature, ENCODED):
        return feature.shape[-1] == 1
    if type(feature) is not tfds.features.Tensor:
        return False
    shape = feature.shape
    if len(shape) == 3 and shape[-1] == 1:
        shape = shape[:2]
    # A single known side, as in [None, 4], is a list of boxes or points.
    return len(shape) == 2 and (shape[0] is None) == (shape[1] is None)


def class_names(feature: Feature) -> tuple[str, ...]:
    """Returns the class names of a mask feature, or () if it has no names."""
    return tuple(feature.names or ()) if _is_labeled(feature) else ()


def _is_labeled(feature: Feature) -> bool:
    if isinstance(feature, StoredPixels):
        return bool(feature.names)
    return isinstance(feature, tfds.features.LabeledImage)


def _type(feature: Feature) -> str:
    """Returns the name of the type of a feature, or "" if it has several."""
    # `feature.dtype` would load TensorFlow.
    return "" if isinstance(feature.np_dtype, dict) else np.dtype(feature.np_dtype).name


def _check_named(role: str, name: str | None, found: dict[str, Any]) -> None:
    if name is None:
        return
    if name not in found:
        raise ValueError(f"data.{role}={name!r} is invalid{near(name, found)}")
    one = found[name]
    allowed, words = is_mask(one), MASK
    if role == "image":
        allowed, words = is_image(one) or is_wide(one), IMAGE
    if not allowed:
        raise ValueError(
            f"data.{role}={name!r} is invalid: expected {words}, found {_shown(one)}."
        )


def _only(role: str, names: list[str], found: dict[str, Any], words: str) -> str:
    if len(names) == 1:
        return names[0]
    if names:
        raise ValueError(
            f"data.{role}=None is invalid: expected one of the features "
            f"{', '.join(names)}, because each of them can be the {_role(role)}. Pass "
            f"--data.{role} NAME."
        )
    others = ", ".join(f"{name}: {_shown(one)}" for name, one in found.items())
    raise ValueError(
        f"data.{role}=None is invalid: expected a dataset that has {words}, found "
        f"{others}."
    )


def _role(role: str) -> str:
    return "image" if role == "image" else "mask"


def _shown(feature: Feature) -> str:
    return " ".join(repr(feature).split())
