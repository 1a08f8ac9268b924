"""Defines the descriptions of losses that `jaxseg.losses.table` lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jaxseg.config import LossConfig

Options = Mapping[str, Any]
# The arguments that a loss can take besides logits, label and `void`, and their source.
TAKES = {
    "class_weights": "the weights that `LossConfig.class_weights` asks for",
    "positive_weights": "the same as weights of positive pixels, for sigmoid outputs",
    "axis_name": "the axis of pmap, over which the loss sums",
    "merged": "the classes of labels that merge several, where datasets train together",
    "step": "the training step, for annealing and sampling",
    "edge": "the network's output 'edge'",
    "size_weights": "the network's output 'affinity'",
    "query_classes": "the network's output 'extra_query_classes'",
    "query_masks": "the network's output 'extra_query_masks'",
}
# Arguments in `TAKES` that are outputs of the network, with the names of the outputs.
FROM_OUTPUTS = {
    "size_weights": "affinity",
    "edge": "edge",
    "query_classes": "extra_query_classes",
    "query_masks": "extra_query_masks",
}


@dataclasses.dataclass(frozen=True)
class Loss:
    """Describes one loss: its function, and how it must be combined with others.

    Attributes:
      function: Maps (logits [B, H, W, K], label [B, H, W], *, void, ...) to a value and
        a weight of equal shapes. The caller computes the weighted mean. The function of
        a loss for sigmoid outputs takes (logits [B, H, W, K], target [B, H, W, K],
        known [B, H, W], *, ...) instead. `target` states which classes are present, and
        `known` states which pixels count.
      couples_examples: Whether the loss of one example depends on the other examples of
        the batch, for example because it ranks the pixels of the batch. Gradient
        accumulation treats such losses differently. If this depends on the options of
        the loss, the attribute is a function that maps the options to a boolean.
      takes: The names of the keyword arguments, such as "step" or "axis_name", that the
        objective supplies to the function. `TAKES` lists all of them.
      requires: The entries of `takes` without which the loss cannot be computed.
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
                f"takes={sorted(unknown)} is invalid: expected only the argument names "
                f"{', '.join(TAKES)}."
            )

    def couples(self, options: Options) -> bool:
        """Returns whether a loss with these options couples the examples of a batch.

        It does so if the loss of one example depends on the other examples.

        Args:
          options: The options of the loss.
        """
        if callable(self.couples_examples):
            return self.couples_examples(options)
        return self.couples_examples


@dataclasses.dataclass(frozen=True)
class OutputLoss:
    """Describes the loss of an output of the network other than the logits.

    The objective adds the loss whenever the network has the output.

    Attributes:
      output: The name of the output. A name that ends with "*" stands for all outputs
        whose names start with the text before "*". Each of these outputs has its own
        term, with the name of the output.
      loss: The loss. Its function takes the output in place of the logits.
      coefficient: The field of `LossConfig` that contains the coefficient of the term,
        or the coefficient itself.
      options: Pairs of the name of an argument of the function and the name of the
        field of `LossConfig` that contains its value.
    """

    output: str
    loss: Loss
    coefficient: str | float
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        known = set(TAKES) - set(FROM_OUTPUTS)
        if refused := set(self.loss.takes) - known:
            raise ValueError(
                f"takes={sorted(refused)} is invalid for the loss of the output "
                f"{self.output!r}: expected only the argument names "
                f"{', '.join(sorted(known))}."
            )

    def settings(self, config: LossConfig) -> dict[str, Any]:
        """Returns the arguments of the loss that a configuration sets.

        The result is a dictionary from the names of the arguments to their values.
        """
        return {key: getattr(config, field) for key, field in self.options}

    def factor(self, config: LossConfig) -> float:
        """Returns the coefficient of the loss.

        It is fixed, or it is the value of the `config` field that `coefficient` names.
        """
        if isinstance(self.coefficient, str):
            return getattr(config, self.coefficient)
        return self.coefficient

    def found_in(self, outputs: Iterable[str]) -> list[str]:
        """Returns the names of the outputs to which the loss applies, in a sorted list.

        Args:
          outputs: The names of all outputs of the network.
        """
        if not self.output.endswith("*"):
            return [name for name in outputs if name == self.output]
        start = self.output.removesuffix("*")
        return sorted(name for name in outputs if name.startswith(start))
