"""Contains the segmentation of one image, and saves it to files."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from jaxseg import viz
from jaxseg.data.spec import DatasetSpec
from jaxseg.storage import atomic


@dataclasses.dataclass(frozen=True)
class Segmented:
    """Contains the segmentation of a batch of images, as NumPy arrays.

    Attributes:
      labels: The most probable classes, int32 [B, H, W], or booleans [B, H, W, K] if
        classes can overlap.
      probabilities: The probabilities, float32 [B, H, W, K], or None if they were not
        computed.
      maps: A dictionary from the name of each map of uncertainty to the map, float32
        [B, H, W].
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None
    maps: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Contains the segmentation of one image.

    Attributes:
      image: The image as it is stored, [H, W, C].
      labels: The most probable class of each pixel, int32 [H, W], or booleans
        [H, W, K], True where a class is present, if classes can overlap.
      spec: The names and colors of the classes.
      compute_probabilities: A function that returns the probability of each class,
        float32 [H, W, K].
      uncertainty: A dictionary from the name of each map of uncertainty that the
        options request to the map, float32 [H, W].
        `jaxseg.inference.uncertainty.averaging` defines these maps.
    """

    image: np.ndarray
    labels: np.ndarray
    spec: DatasetSpec
    compute_probabilities: Callable[[], np.ndarray] = dataclasses.field(repr=False)
    uncertainty: Mapping[str, np.ndarray] = dataclasses.field(
        default_factory=dict, repr=False
    )

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """Returns the probability of each class, float32 [H, W, K].

        They are computed on the first access, unless they were needed for the labels.
        """
        return self.compute_probabilities()

    def overlay(self, *, alpha: float = 0.5) -> np.ndarray:
        """Blends the colors of the classes into the image.

        `jaxseg.viz.as_rgb` describes how images other than 8-bit RGB are shown.

        Args:
          alpha: The weight of the class color, from 0 (the image alone) to 1.

        Returns:
          The overlay, uint8 [H, W, 3].
        """
        picture = viz.as_rgb(self.image, self.spec.value_range)
        if self.spec.multilabel:
            return viz.overlay_present(
                picture, self.labels, self.spec.palette, alpha=alpha
            )
        return viz.overlay(
            picture,
            self.labels,
            self.spec.palette,
            alpha=alpha,
            void=self.spec.void,
        )

    def save(
        self,
        folder: str | Path,
        *,
        name: str = "prediction",
        overlay: bool = True,
        probabilities: bool = False,
    ) -> list[Path]:
        """Writes the prediction to files.

        `NAME.png` is an indexed PNG whose pixels are the class indices and whose
        palette contains the class colors. `NAME_overlay.png` is the overlay. `NAME.npz`
        contains `probabilities`, float16 [H, W, K], and the names of the `classes`. If
        classes can overlap, there is a file `CLASS/NAME.png` for each class instead of
        `NAME.png`. It is 255 where the class is present, and 0 elsewhere. An
        interrupted call leaves no incomplete file.

        Args:
          folder: The folder of the files. It is created if it does not exist.
          name: The base name of the files, which is NAME above.
          overlay: Whether to write the overlay.
          probabilities: Whether to write the probabilities.

        Returns:
          The paths of the files that were written.
        """
        target = Path(folder) / name
        written = label_paths(target, self.spec)
        if self.spec.multilabel:
            for k, path in enumerate(written):
                viz.save_image(path, self.labels[..., k].astype(np.uint8) * 255)
        else:
            colors, void = self.spec.palette, self.spec.void
            viz.save_image(written[0], viz.indexed_png(self.labels, colors, void=void))
        if overlay:
            written.append(target.with_name(f"{target.name}_overlay.png"))
            with atomic.replacing(written[-1]) as path:
                Image.fromarray(self.overlay()).save(path)
        if probabilities:
            written.append(target.with_name(f"{target.name}.npz"))
            with atomic.replacing(written[-1]) as path:
                np.savez(
                    path,
                    probabilities=self.probabilities.astype(np.float16),
                    classes=np.array(self.spec.classes),
                )
        return written


def label_paths(target: Path, spec: DatasetSpec) -> list[Path]:
    """Returns the paths of the files to which the classes of one image are written.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
      spec: The classes. If they can overlap, each class has its own file.
    """
    name = f"{target.name}.png"
    if not spec.multilabel:
        return [target.with_name(name)]
    return [target.parent / one / name for one in spec.classes]
