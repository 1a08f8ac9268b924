"""Averages the predictions of all networks, dropout masks, scales and flips."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxseg.inference.tta import View, average_views, views
from jaxseg.inference.uncertainty.averaging import Average, Averaged, Averaging
from jaxseg.inference.uncertainty.members import (
    Member,
    check_agreement,
    check_dropout,
)
from jaxseg.ops.output_form import OutputForm
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True, eq=False)
class Ensemble:
    """Averages the predictions of one or more networks.

    Attributes:
      members: The networks.
      averaging: Whether probabilities or logits are averaged, the number of dropout
        samples, and the maps of uncertainty to compute.
      scales: The factors by which each image is resized.
      flip: Whether the mirrored image is predicted as well.
    """

    members: tuple[Member, ...]
    averaging: Averaging = Averaging()  # noqa: RUF009
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    @property
    def count(self) -> int:
        """Returns the number of predictions that are averaged for each image."""
        samples = max(1, self.averaging.dropout_samples)
        views = len(self.scales) * (2 if self.flip else 1)
        return len(self.members) * samples * views

    @property
    def is_needed(self) -> bool:
        """Returns whether an image needs several predictions or maps of uncertainty."""
        averaging = self.averaging
        views = self.flip or self.scales != (1.0,)
        several = len(self.members) > 1 or averaging.dropout_samples > 0
        return views or several or bool(averaging.maps)

    def check(self, size: Size) -> None:
        """Checks that the networks and the options fit each other.

        Args:
          size: An image height and width that the networks accept. It is used to check
            whether they contain dropout.

        Raises:
          ValueError: If the networks differ in classes or in the type of images, or a
            network has no dropout although dropout samples are requested. Also if maps
            of uncertainty are requested together with a choice of one dataset, or if a
            map needs several predictions and there is only one.
        """
        first, *others = self.members
        for number, member in enumerate(others, start=2):
            name = f"network {number}"
            check_agreement(first.network.spec, member.network.spec, name)
        check_dropout(self.members, self.averaging, size)
        maps, dataset = self.averaging.maps, first.network.dataset
        if maps and dataset is not None:
            raise ValueError(
                f"maps={maps} is invalid with dataset={dataset!r}: expected no maps, "
                "because the maps of uncertainty cover the classes of all datasets. "
                "Leave out one of the two options."
            )
        if set(maps) - {"entropy"} and self.count < 2:
            raise ValueError(
                f"maps={maps} is invalid: expected only 'entropy', because the other "
                "maps compare at least two predictions. Add networks, dropout samples, "
                "scales or the mirrored image."
            )

    def averaged(
        self, pixels: np.ndarray, form: OutputForm, **options: Any
    ) -> Averaged:
        """Returns averaged probabilities and maps of uncertainty, as `Averaged`.

        Args:
          pixels: The images before normalization, [B, H, W, C].
          form: The object that converts logits to probabilities and labels.
          **options: The options of `jaxseg.inference.predict_canvas`.
        """
        size = pixels.shape[1:3]
        several = self._views(pixels, options)
        return average_views(several, Average(self.averaging, form), size)

    def _views(self, pixels: np.ndarray, options: dict[str, Any]) -> Iterator[View]:
        for index, member in enumerate(self.members):
            prepared = member.prepare(pixels)
            for apply in member.predictions(self.averaging, index):
                yield from views(
                    apply,
                    prepared,
                    scales=self.scales,
                    flip=self.flip,
                    size=pixels.shape[1:3],
                    **options,
                )
