"""Compares how a PyTorch library and jaxseg turn pixels into the input of a network."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.bench.compare.fitting import resized
from jaxseg.bench.compare.pair import Pair
from jaxseg.ops.preprocess import normalize, scaled_size, to_unit
from jaxseg.typing import Size
from jaxseg.weights.catalog.config_text import read
from jaxseg.weights.catalog.mmseg_config import text_of
from jaxseg.weights.translate.model_card import Normalization

ROUNDING = 1e-5  # Means and deviations that differ by less are equal.


@dataclasses.dataclass(frozen=True)
class Resizing:
    """Describes how a library resizes an image before it is normalized.

    Attributes:
      shorter: The length that the shorter side of the image gets, in pixels, or None.
      within: The longer and the shorter side of the largest allowed size, or None.
      scale: The factor by which both sides are multiplied if `shorter` and `within`
        are None.
      antialias: Whether the filter widens when the image shrinks.
    """

    shorter: int | None = None
    within: tuple[int, int] | None = None
    scale: float = 1.0
    antialias: bool = True

    def size(self, size: Size) -> Size:
        """Returns the height and width to which an image is resized.

        Args:
          size: The height and width of the image before it is resized.
        """
        height, width = size
        if self.shorter:
            short, long = sorted(size)
            other = int(self.shorter * long / short)
            return (self.shorter, other) if height <= width else (other, self.shorter)
        if self.within:
            longer, shorter = self.within
            factor = min(longer / max(size), shorter / min(size))
            return int(height * factor + 0.5), int(width * factor + 0.5)
        return scaled_size(size, self.scale)

    @property
    def rule(self) -> str:
        """Describes in words the size to which images are resized."""
        if self.shorter:
            return f"shorter side {self.shorter}"
        if self.within:
            return f"within {self.within[0]} x {self.within[1]}"
        return "as stored" if self.scale == 1 else f"sides times {self.scale:g}"

    @property
    def interpolation(self) -> str:
        """Describes in words the filter that resizes images."""
        if not (self.shorter or self.within) and self.scale == 1:
            return "none"
        return "bilinear, antialiased" if self.antialias else "bilinear"


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Describes how a library turns the pixels of an image into the network's input.

    Attributes:
      resizing: How the image is resized.
      normalization: The mean and standard deviation, in RGB order.
      value_range: The pixel values that are mapped to 0 and 1.
      order: The order of the channels that the network takes.
      place: The source of these values, as the end of the sentence "The preprocessing
        is that of ...", such as "the configuration in the checkpoint".
    """

    resizing: Resizing
    normalization: Normalization
    value_range: tuple[float, float] = (0, 255)
    order: str = "RGB"
    place: str = ""

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the input of the network, float32 [1, h, w, C] with RGB channels.

        Args:
          pixels: The image, [H, W, C].
        """
        size = self.resizing.size(pixels.shape[:2])
        if size != pixels.shape[:2]:
            pixels = resized(pixels, size, antialias=self.resizing.antialias)
        unit = to_unit(pixels[None], self.value_range) * self.normalization.range
        return np.asarray(normalize(unit, self.normalization))


@dataclasses.dataclass(frozen=True)
class Step:
    """Describes a step of the preprocessing in the checkpoint's library and in jaxseg.

    Attributes:
      name: The name of the step.
      theirs: A description of the step in the checkpoint's library.
      ours: A description of the step in jaxseg.
      changed: The preprocessing of the checkpoint's library in which this step alone is
        replaced by that of jaxseg. None if the step is equal in both libraries or
        cannot be changed alone.
      note: Why the effect of this step is not measured separately, or "".
    """

    name: str
    theirs: str
    ours: str
    changed: Preprocessing | None = None
    note: str = ""


def of_library(pair: Pair) -> Preprocessing:
    """Returns the `Preprocessing` of the library that the checkpoint comes from.

    torchvision publishes it with its weights, and MMSegmentation stores it in the
    checkpoint. segmentation_models.pytorch leaves the size of images to the user.

    Args:
      pair: The original network and its import in jaxseg.
    """
    plain = Preprocessing(
        Resizing(),
        pair.normalization,
        pair.spec.value_range,
        pair.order,
        "its ImageNet encoders; the user chooses the size of images"
        if pair.library == "segmentation_models_pytorch"
        else "its pretrained networks",
    )
    if pair.library == "torchvision":
        return _of_torchvision(pair, plain)
    test = _test_size(pair.conversion.imported.beside)
    if test is None:
        return plain
    resizing = Resizing(within=test, antialias=False)
    place = "the configuration in the checkpoint"
    return dataclasses.replace(plain, resizing=resizing, place=place)


def of_jaxseg(pair: Pair) -> Preprocessing:
    """Returns the `Preprocessing` of `jaxseg predict` for the imported network."""
    spec = pair.spec
    return Preprocessing(
        Resizing(scale=pair.network.scale),
        Normalization(spec.mean, spec.std),
        spec.value_range,
        place="dataset.json of the run",
    )


def steps(theirs: Preprocessing, ours: Preprocessing) -> tuple[Step, ...]:
    """Returns a tuple of the preprocessing steps of a PyTorch library and of jaxseg.

    A `Step` describes one step in both libraries. The steps are the size, the
    interpolation, the range of the values, their mean and standard deviation, and the
    order of the channels.

    Args:
      theirs: The preprocessing of the library that the checkpoint comes from.
      ours: The preprocessing of jaxseg.
    """

    def changed(**fields: Any) -> Preprocessing:
        return dataclasses.replace(theirs, **fields)

    def step(name: str, text: Any, own: Any, **fields: Any) -> Step:
        change = changed(**fields) if text != own and fields else None
        return Step(name, theirs=text, ours=own, changed=change)

    a, b = theirs.normalization, ours.normalization
    mean, deviation = (
        {"normalization": dataclasses.replace(a, **{name: getattr(b, name)})}
        for name in ("mean", "std")
    )
    order = "the import has reversed the first convolution"
    return (
        step(
            "size",
            theirs.resizing.rule,
            ours.resizing.rule,
            resizing=ours.resizing,
        ),
        Step(
            "interpolation",
            theirs.resizing.interpolation,
            ours.resizing.interpolation,
            note="part of the size"
            if theirs.resizing.interpolation != ours.resizing.interpolation
            else "",
        ),
        step(
            "values",
            _range(theirs.value_range, a.range),
            _range(ours.value_range, b.range),
            value_range=ours.value_range,
        ),
        step("mean", _listed(a.mean), _listed(b.mean), **mean),
        step("deviation", _listed(a.std), _listed(b.std), **deviation),
        Step(
            "channel order",
            theirs.order,
            ours.order,
            note=order if theirs.order != ours.order else "",
        ),
    )


def _of_torchvision(pair: Pair, plain: Preprocessing) -> Preprocessing:
    """Reads the transforms that torchvision publishes with its own weights."""
    source = pair.conversion.imported.source
    found = pair.conversion.network
    row = source.network(found.config.model.name, found.config.model.options)
    models = importlib.import_module("torchvision.models")
    weights = models.get_model_weights(row.factory)
    preset = next(iter(weights)).transforms()
    return dataclasses.replace(
        plain,
        resizing=Resizing(shorter=preset.resize_size[0], antialias=preset.antialias),
        normalization=Normalization(tuple(preset.mean), tuple(preset.std)),
        place=f"{weights.__name__}.{next(iter(weights)).name} in {pair.library}",
    )


def _test_size(beside: Mapping[str, Any]) -> tuple[int, int] | None:
    """Returns the size of test images in the configuration of MMSegmentation."""
    tree = read(text_of(beside))
    for entry in tree.get("test_pipeline") or ():
        if not isinstance(entry, Mapping):
            continue
        size = entry.get("scale") or entry.get("img_scale")
        if isinstance(size, tuple) and len(size) == 2:
            longer, shorter = sorted(size, reverse=True)
            if all(type(side) is int and side > 0 for side in size):
                return longer, shorter
    return None


def _range(value_range: tuple[float, float], factor: float) -> str:
    low, high = value_range
    return f"{low:g}..{high:g} to 0..{factor:g}"


def _listed(values: tuple[float, ...]) -> str:
    return " ".join(f"{round(value, 5):g}" for value in values)
