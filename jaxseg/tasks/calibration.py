"""Measures the calibration of a network, and fits the scaling of its logits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.metrics.calibration import Calibration, CalibrationCounts, count_image
from jaxseg.ops.output_form import OutputForm, form_of
from jaxseg.tasks.table import SEGMENTATION, task_of
from jaxseg.training.run.observation import Observed
from jaxseg.typing import Array


@dataclasses.dataclass(frozen=True)
class CalibrationMeter:
    """Counts, for each image, the predictions and how many of them are right.

    The counts are separate for each interval of confidence.

    Attributes:
      bins: The number of intervals into which confidences from 0 to 1 are divided.
    """

    bins: int = 15
    needs_probabilities = True

    def measure(self, example: Observed) -> CalibrationCounts:
        """Returns the `CalibrationCounts` of one image.

        They contain, for each interval of confidence, the number of predictions and the
        number of right ones.
        """
        valid, label = labeled(example)
        return count_image(example.probabilities[valid], label, bins=self.bins)


def labeled(example: Observed) -> tuple[np.ndarray, np.ndarray]:
    """Returns which pixels of an image are labeled, and their labels.

    Args:
      example: The image with its label.

    Returns:
      A pair. The first array says which pixels are not void, bool [H, W]. The second
      one contains the labels of these N pixels: their classes, [N], or, if classes can
      overlap, 0 or 1 for each class, [N, K].
    """
    label = example.label
    if label.ndim == 2:
        valid = label != example.void
        return valid, label[valid].astype(np.int64)
    valid = label[..., 0] != example.void
    # The label numbers the states: 2 k if class k is absent and 2 k + 1 if present.
    return valid, label[valid].astype(np.int64) % 2


class Pixels(NamedTuple):
    """Contains the logits and labels of N pixels that were chosen at random.

    Attributes:
      logits: The logits, float32 [N, K].
      label: The classes [N] or, if classes can overlap, 0 or 1 for each class, [N, K].
    """

    logits: np.ndarray
    label: np.ndarray


@dataclasses.dataclass(frozen=True)
class PixelSample:
    """Chooses labeled pixels at random in each image of an evaluation.

    The evaluation must use a `LogitNetwork`. Which pixels of an image are chosen
    depends only on the seed and the index of the image.

    Attributes:
      count: The largest number of pixels of an image.
      seed: The seed of the random choice.
    """

    count: int
    seed: int = 0
    needs_probabilities = True

    def measure(self, example: Observed) -> Pixels:
        """Returns the logits and labels of the pixels that are chosen in one image."""
        valid, label = labeled(example)
        logits = example.probabilities[valid]
        random = np.random.default_rng((self.seed, example.index))
        count = min(self.count, len(label))
        chosen = np.sort(random.choice(len(label), count, replace=False))
        return Pixels(logits[chosen].astype(np.float32), label[chosen])


def joined(images: Sequence[Pixels], form: OutputForm) -> Pixels:
    """Returns the chosen pixels of all images as one array of logits and one of labels.

    Args:
      images: The chosen pixels of each image.
      form: Determines whether a softmax or sigmoids convert logits to probabilities.
        For a binary task, the labels of the result are 0 or 1, [N, 1].
    """
    logits = np.concatenate([one.logits for one in images])
    label = np.concatenate([one.label for one in images])
    return Pixels(logits, label[:, None] if form.kind == "binary" else label)


@dataclasses.dataclass(frozen=True)
class LogitNetwork:
    """Wraps a network and returns logits where an evaluation expects probabilities.

    Attributes:
      network: The network.
    """

    network: ImageNetwork

    @property
    def spec(self) -> DatasetSpec:
        """Returns the dataset specification with the classes of the network."""
        return self.network.spec

    def labels_and_probabilities(
        self, variables: Any, pixels: Array
    ) -> tuple[Array, Array]:
        """Returns the pair of predicted classes and logits, float32 [B, H, W, K]."""
        logits = self.network.logits(variables, pixels)
        return self.network.form(logits).labels(logits), logits


def logit_network(config: Config, spec: DatasetSpec, model: nn.Module) -> LogitNetwork:
    """Returns the network of a run with logits in place of its probabilities."""
    return LogitNetwork(ImageNetwork(model, spec, scale=config.data.eval_scale))


def check_calibrated(config: Config, spec: DatasetSpec) -> None:
    """Checks that the probabilities of a network can be calibrated.

    Raises:
      ValueError: If the network does not segment images, or was trained on several
        datasets.
    """
    if task_of(config) is not SEGMENTATION:
        raise ValueError(
            f"model.name={config.model.name!r} is invalid for calibration: expected a "
            "network whose task is to segment images."
        )
    check_single(spec)


def check_single(spec: DatasetSpec) -> None:
    """Raises ValueError if a network was trained on several datasets."""
    if spec.union is not None:
        names = ", ".join(member.name for member in spec.members)
        raise ValueError(
            f"workdir is invalid for calibration: expected a network of one dataset, "
            f"but it was trained on {names}, each of which has its own classes."
        )


def sample_scores(pixels: Pixels, spec: DatasetSpec, *, bins: int = 15) -> Calibration:
    """Returns the calibration scores of pixels that were chosen at random.

    The result is a `Calibration`, with scores such as the expected calibration error
    and the Brier score; smaller is better for all of them. They serve to compare the
    calibration before and after the logits are scaled.

    Args:
      pixels: The pixels, as `joined` returns them.
      spec: The classes.
      bins: The number of intervals into which confidences from 0 to 1 are divided.
    """
    from jaxseg.metrics.calibration import calibration

    form = form_of(pixels.logits.shape[-1], spec)
    probabilities = np.asarray(form.probabilities(pixels.logits))
    label = pixels.label[:, 0] if form.kind == "binary" else pixels.label
    return calibration(count_image(probabilities, label, bins=bins))


def score_lines(found: Calibration) -> str:
    """Formats calibration scores as lines of text.

    Args:
      found: The calibration scores.
    """
    rows = {
        "expected calibration error": f"{found.expected_error:.4f}",
        "  with bins of equal mass": f"{found.adaptive_error:.4f}",
        "  mean over the classes": f"{found.classwise_error:.4f}",
        "largest error of a bin": f"{found.largest_error:.4f}",
        "Brier score": f"{found.brier:.4f}",
        "negative log-likelihood": f"{found.log_loss:.4f} nats",
    }
    wide = max(map(len, rows))
    return "\n".join(f"{name:<{wide}}  {value}" for name, value in rows.items())
