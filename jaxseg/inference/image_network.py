"""Defines the functions that map the pixels of images to logits and labels."""

from __future__ import annotations

import dataclasses
from typing import Any

from flax import linen as nn

from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.dataset_view import member_spec, member_sums, summed
from jaxseg.inference.prior_samples import sample_logits
from jaxseg.inference.uncertainty.dropout import with_dropout
from jaxseg.ops.logit_scaling import LogitScaling
from jaxseg.ops.output_form import OutputForm, form_of
from jaxseg.ops.preprocess import preprocess
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Size


@dataclasses.dataclass(frozen=True)
class ImageNetwork:
    """Combines a network and its preprocessing in functions without side effects.

    Evaluation, overlays, prediction, sampling and export call these functions, so that
    an evaluation scores exactly what a prediction returns. Each function can be
    compiled with `jax.jit`, and its arguments may be sharded.

    Attributes:
      model: The network.
      spec: The classes, and the mean and standard deviation of the images.
      scale: The factor by which images are resized for the network
        (`data.eval_scale` of a run). Logits are resized back to the size of the image.
      dataset: The dataset in whose classes the network predicts, for a network that was
        trained on several datasets. None selects the classes of their union.
      scaling: The scaling of the logits that calibrates the probabilities, or None.
    """

    model: nn.Module
    spec: DatasetSpec
    scale: float = 1.0
    dataset: str | None = None
    scaling: LogitScaling | None = None

    @property
    def output_spec(self) -> DatasetSpec:
        """Returns the `DatasetSpec` of the classes that the network predicts.

        These are the classes of `dataset`, or all classes if `dataset` is None.
        """
        if self.dataset is None:
            return self.spec
        return member_spec(self.spec, self.dataset)

    def prepare(self, pixels: Array) -> Array:
        """Normalizes and resizes images for the network.

        Args:
          pixels: The images as stored, [B, H, W, C].

        Returns:
          The input of the network, float32 [B, h, w, C].
        """
        return preprocess(pixels, self.spec, scale=self.scale)

    def forward(self, variables: Any, inputs: Array, key: Array | None = None) -> Array:
        """Runs the network on images that `prepare` returned, and scales the logits.

        Args:
          variables: The parameters and statistics of the network.
          inputs: The images, float32 [B, h, w, C].
          key: The random key of the dropout masks. None turns dropout off.

        Returns:
          The logits, [B, h, w, K].
        """
        if key is None:
            outputs: Any = self.model.apply(variables, inputs, train=False)
        else:
            outputs = with_dropout(self.model, variables, inputs, key)
        logits: Array = outputs["logits"]
        return logits if self.scaling is None else self.scaling(logits)

    def logits(self, variables: Any, pixels: Array, key: Array | None = None) -> Array:
        """Returns the logits of the network, resized to the size of the images.

        Args:
          variables: The parameters and statistics of the network.
          pixels: The images as stored, [B, H, W, C].
          key: The random key of the dropout masks. None turns dropout off.

        Returns:
          The logits, float32 [B, H, W, K].
        """
        logits = self.forward(variables, self.prepare(pixels), key)
        return _resized(logits, pixels.shape[1:3])

    def form(self, logits: Array) -> OutputForm:
        """Returns the `OutputForm` that converts logits to probabilities and labels.

        Args:
          logits: Logits of this network, [..., K]. Only K, the number of logits per
            pixel, is used.
        """
        return form_of(logits.shape[-1], self.spec)

    def decisions(self, variables: Any, inputs: Array) -> Array:
        """Returns logits whose argmax is the predicted class, [B, h, w, K].

        If classes can overlap, each class whose logit is above 0 is predicted.

        Args:
          variables: The parameters and statistics of the network.
          inputs: Images that `prepare` returned.
        """
        logits = self.forward(variables, inputs)
        return self.form(logits).decision_logits(logits)

    def class_logits(
        self, variables: Any, inputs: Array, key: Array | None = None
    ) -> Array:
        """Returns one logit for each class, [B, h, w, K].

        A network with a single logit predicts an object. The background then has the
        logit 0.

        Args:
          variables: The parameters and statistics of the network.
          inputs: Images that `prepare` returned.
          key: The random key of the dropout masks. None turns dropout off.
        """
        logits = self.forward(variables, inputs, key)
        return self.form(logits).class_logits(logits)

    def labels(self, variables: Any, pixels: Array) -> Array:
        """Returns the most probable class of every pixel, int32 [B, H, W].

        If classes can overlap, the result is booleans [B, H, W, K].

        Args:
          variables: The parameters and statistics of the network.
          pixels: The images as stored, [B, H, W, C].
        """
        return self.labels_of(self.logits(variables, pixels))

    def labels_of(self, logits: Array) -> Array:
        """Converts logits [B, H, W, K] to the classes that `labels` returns."""
        form = self.form(logits)
        if self.dataset is not None:
            return form.labels_of(self.in_dataset(form.probabilities(logits)))
        return form.labels(logits)

    def labels_and_probabilities(
        self, variables: Any, pixels: Array
    ) -> tuple[Array, Array]:
        """Returns the most probable classes and the probabilities of all classes.

        Args:
          variables: The parameters and statistics of the network.
          pixels: The images as stored, [B, H, W, C].

        Returns:
          The classes as `labels` returns them, and the probabilities, float32
          [B, H, W, K].
        """
        return self.both_of(self.logits(variables, pixels))

    def both_of(self, logits: Array) -> tuple[Array, Array]:
        """Converts logits [B, H, W, K] to the pair of classes and probabilities.

        The pair is like the result of `labels_and_probabilities`.
        """
        form = self.form(logits)
        probabilities = form.probabilities(logits)
        if self.dataset is not None:
            probabilities = self.in_dataset(probabilities)
            return form.labels_of(probabilities), probabilities
        return form.labels(logits), probabilities

    def in_dataset(self, probabilities: Array) -> Array:
        """Converts probabilities of union classes to those of the classes of `dataset`.

        The union contains the classes of all datasets that the network was trained on.
        The probability of a class is the sum over the union classes to which the class
        is mapped. If `dataset` is None, the argument is returned unchanged.

        Args:
          probabilities: The probabilities of the K union classes, float32 [..., K].

        Returns:
          The probabilities of the S classes of the dataset, float32 [..., S].
        """
        if self.dataset is None:
            return probabilities
        return summed(probabilities, member_sums(self.spec, self.dataset))

    def sampled_logits(
        self, variables: Any, pixels: Array, key: Array, *, samples: int
    ) -> Array:
        """Returns the logits of several samples from a network with a latent variable.

        Args:
          variables: The parameters and statistics of the network.
          pixels: The images as stored, [B, H, W, C].
          key: The random key of all samples.
          samples: The number of samples N.

        Returns:
          The logits of each sample, float32 [N, B, H, W, K].
        """
        inputs = self.prepare(pixels)
        drawn = sample_logits(
            self.model.apply, variables, inputs, key=key, samples=samples
        )
        several = drawn.reshape(-1, *drawn.shape[2:])
        if self.scaling is not None:
            several = self.scaling(several)
        return _resized(several, pixels.shape[1:3]).reshape(
            *drawn.shape[:2], *pixels.shape[1:3], drawn.shape[-1]
        )


def _resized(logits: Array, size: Size) -> Array:
    return logits if logits.shape[1:3] == tuple(size) else resize(logits, size)
