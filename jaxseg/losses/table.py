"""Lists the losses with the properties that the objective depends on.

To add a loss, write its function in a file of its own and add one entry to `LOSSES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jaxseg.losses._affinity import affinity
from jaxseg.losses._boundary import boundary
from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses._dual_task import (
    dual_task,
    edge_attention,
    image_weighted_cross_entropy,
)
from jaxseg.losses._focal import focal
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
from jaxseg.losses.region import dice, jaccard, tversky

Options = Mapping[str, Any]
# The arguments that a loss can take besides logits, label and `void`, and their source.
TAKES = {
    "class_weights": "the weights that `LossConfig.class_weights` asks for",
    "axis_name": "the axis of pmap, over which the loss sums",
    "step": "the training step, for annealing and sampling",
    "edge": "the network's output 'edge'",
    "size_weights": "the network's output 'affinity'",
}


@dataclasses.dataclass(frozen=True)
class Loss:
    """Describes one loss with the properties that the objective depends on.

    Attributes:
      function: Maps (logits [B, H, W, K], label [B, H, W], *, void, ...) to a value
        and a weight of one shape, without reducing them.
      couples_examples: Whether the loss of one example depends on the other examples
        of the batch, for example because it ranks the pixels of the batch. Gradient
        accumulation treats such losses differently. If this depends on the options of
        the loss, the attribute is a function that maps the options to a boolean.
      takes: The keyword arguments, out of `TAKES`, that the objective supplies.
      requires: Those of `takes` without which the loss cannot be computed.
      random: Whether the examples are coupled only by random noise that is drawn for
        the whole batch, so that the loss needs no sum over devices.
      for_points: Whether the loss also makes sense for point clouds, which have no
        neighboring pixels.
    """

    function: Callable[..., Any]
    couples_examples: bool | Callable[[Options], bool]
    takes: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    random: bool = False
    for_points: bool = False

    def __post_init__(self) -> None:
        if unknown := set((*self.takes, *self.requires)) - set(TAKES):
            raise ValueError(
                f"takes={sorted(unknown)} is invalid: expected names out of "
                f"{', '.join(TAKES)}."
            )

    def couples(self, options: Options) -> bool:
        """Returns whether the loss couples the examples of a batch with these
        options."""
        if callable(self.couples_examples):
            return self.couples_examples(options)
        return self.couples_examples


def _over_batch(options: Options) -> bool:
    return not options.get("per_image", True)


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        cross_entropy,
        couples_examples=False,
        takes=("class_weights",),
        for_points=True,
    ),
    "ohem_cross_entropy": Loss(
        ohem_cross_entropy,
        couples_examples=True,
        takes=("class_weights", "axis_name"),
        for_points=True,
    ),
    "top_k_cross_entropy": Loss(
        top_k_cross_entropy,
        couples_examples=True,
        takes=("class_weights", "axis_name", "step"),
        for_points=True,
    ),
    "focal": Loss(
        focal, couples_examples=False, takes=("class_weights",), for_points=True
    ),
    "dice": Loss(
        dice, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "jaccard": Loss(
        jaccard, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "tversky": Loss(
        tversky, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "lovasz_softmax": Loss(
        lovasz_softmax,
        couples_examples=lambda options: not options.get("per_image", False),
        takes=("axis_name",),
        for_points=True,
    ),
    "boundary": Loss(boundary, couples_examples=False),
    "affinity": Loss(
        affinity,
        couples_examples=True,
        takes=("axis_name", "step", "size_weights"),
    ),
    "dual_task": Loss(
        dual_task,
        couples_examples=lambda options: options.get("gumbel", True),
        takes=("step",),
        random=True,
    ),
    "edge_attention": Loss(
        edge_attention, couples_examples=False, takes=("edge",), requires=("edge",)
    ),
    "image_weighted_cross_entropy": Loss(
        image_weighted_cross_entropy, couples_examples=False
    ),
}
