"""Writes pictures of the attention of a network and of the iterations of the CRF."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from jaxseg.data import DatasetSpec
from jaxseg.inference.attention import Attention, attention_maps, check_attention
from jaxseg.inference.refinement.chain import smoothed
from jaxseg.inference.refinement.options import CRF
from jaxseg.inference.segmenter import Segmenter
from jaxseg.storage import atomic
from jaxseg.tasks.extra_files import ExtraFiles, Found, UncertaintyMaps, map_paths
from jaxseg.tasks.prediction import Request
from jaxseg.viz import as_rgb, save_image
from jaxseg.viz.attention_picture import attention_picture
from jaxseg.viz.steps_picture import steps_picture

SIDE = 64  # A size of images that networks accept, for checks that compute nothing.


@dataclasses.dataclass(frozen=True, eq=False)
class AttentionPictures:
    """Writes NAME_attention.png and NAME_attention.npz for each image.

    The .npz file contains, for each attention layer, the attention weights of the pixel
    `point` as an array float32 [h, w], the size of the layer's feature map.

    Attributes:
      point: The row and the column of the pixel whose attention is shown.
      segmenter: The network. If there are several, the first one is shown.
    """

    point: tuple[int, int]
    segmenter: Segmenter
    needs_probabilities = False

    def check(self) -> None:
        """Raises ValueError if the network has no attention layer."""
        check_attention(*self.segmenter.networks[0], (SIDE, SIDE))

    def write(self, target: Path, found: Found) -> None:
        """Writes the picture and the weights of the attention for one image."""
        maps = self.compute(found.pixels)
        height, width = found.size
        # The cells of the padding are not shown.
        shown = {
            name: _cropped(one.weights, found.pixels.shape[:2], found.size)
            for name, one in maps.items()
        }
        spec = self.segmenter.spec
        picture = as_rgb(found.pixels[:height, :width], spec.value_range)
        notes = {name: _note(one, spec) for name, one in maps.items()}
        drawn = attention_picture(picture, shown, self.point, notes=notes)
        picture_path, weights_path = attention_paths(target)
        save_image(picture_path, drawn)
        arrays = {name.replace("/", "_"): one.weights for name, one in maps.items()}
        with atomic.replacing(weights_path) as path:
            np.savez(path, **arrays)

    def compute(self, pixels: np.ndarray) -> dict[str, Attention]:
        """Returns a dictionary from layer name to the attention of the pixel `point`.

        Each value is an `Attention`, whose `weights`, float32 [h, w], say how much the
        pixel attends to each cell of the layer's feature map.

        Args:
          pixels: One image, [H, W, C].
        """
        _, variables = self.segmenter.networks[0]
        point = np.array(self.point, np.int32)
        return jax.device_get(self._compiled(variables, pixels[None], point))

    @functools.cached_property
    def _compiled(self):
        network, _ = self.segmenter.networks[0]
        return jax.jit(functools.partial(attention_maps, network))


@dataclasses.dataclass(frozen=True)
class StepPictures:
    """Writes NAME_crf.png, which shows each iteration of the CRF, for each image.

    Attributes:
      crf: The options of the CRF.
      spec: The classes and their colors.
    """

    crf: CRF
    spec: DatasetSpec
    needs_probabilities = True

    def write(self, target: Path, found: Found) -> None:
        """Writes the picture of the CRF's iterations for one image."""
        height, width = found.size
        view = as_rgb(found.pixels[:height, :width], self.spec.value_range)
        soft = found.probabilities[:height, :width]
        several = smoothed(soft, view, self.crf, every=True)
        save_image(steps_path(target), steps_picture(several, self.spec.palette))


def extra_files(request: Request, segmenter: Segmenter) -> tuple[ExtraFiles, ...]:
    """Returns the objects that write the additional files of a request.

    Args:
      request: The options of the prediction.
      segmenter: The network.

    Raises:
      ValueError: If the network has no attention layer, but its attention is requested.
    """
    maps, found = request.segment.averaging.maps, []
    if maps:
        found.append(UncertaintyMaps(maps, segmenter.spec, request.map_format))
    if request.attention is not None:
        found.append(AttentionPictures(request.attention, segmenter))
        found[-1].check()
    if request.crf_steps:
        crf = request.segment.refinement.crf
        found.append(StepPictures(crf, segmenter.spec))
    return tuple(found)


def extra_paths(target: Path, request: Request) -> list[Path]:
    """Returns the paths of the additional files that are written for one image.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
      request: The options of the prediction.
    """
    names = request.segment.averaging.maps
    pairs = map_paths(target, names, request.map_format)
    paths = [path for pair in pairs for path in pair]
    if request.attention is not None:
        paths += attention_paths(target)
    return [*paths, steps_path(target)] if request.crf_steps else paths


def check_pictures(request: Request, sizes: Mapping[Path, tuple[int, int]]) -> None:
    """Checks that the requested pictures of attention or the CRF can be drawn.

    Args:
      request: The options of the prediction.
      sizes: The height and width of each image.

    Raises:
      ValueError: If an option is missing, or the pixel is outside of an image.
    """
    if request.crf_steps and request.segment.refinement.crf is None:
        raise ValueError(
            "crf_steps=True is invalid without --crf: expected the refinement by the "
            "CRF. Pass --crf, or leave --crf-steps out."
        )
    point, mode = request.attention, request.segment.mode
    if point is None:
        return
    if mode != "whole":
        raise ValueError(
            f"attention={point} is invalid with mode={mode!r}: expected mode='whole', "
            "in which a pixel attends to the whole image."
        )
    for path, size in sizes.items():
        if not all(p < side for p, side in zip(point, size, strict=True)):
            raise ValueError(
                f"attention={point} is invalid for {path}: expected a row below "
                f"{size[0]} and a column below {size[1]}."
            )


def attention_paths(target: Path) -> list[Path]:
    """Returns the paths of the two files that `AttentionPictures` writes for an image.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
    """
    return [
        target.with_name(f"{target.name}_attention.{end}") for end in ("png", "npz")
    ]


def steps_path(target: Path) -> Path:
    """Returns the path of the CRF picture that `StepPictures` writes for one image.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
    """
    return target.with_name(f"{target.name}_crf.png")


def _cropped(weights, padded, size):
    rows, columns = (
        max(1, round(count * side / full))
        for count, side, full in zip(weights.shape, size, padded, strict=True)
    )
    return weights[:rows, :columns]


def _note(found: Attention, spec: DatasetSpec) -> str:
    """Returns the classes whose regions have the largest attention, for OCR."""
    if found.regions is None or len(found.regions) != spec.num_classes:
        return ""
    largest = np.argsort(found.regions)[::-1][:3]
    return ", ".join(f"{spec.classes[k]} {found.regions[k]:.2f}" for k in largest)
