"""Combines a network, its weights and its preprocessing to segment images."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config.wording import with_python_words
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.trained_images import options_like, read_like
from jaxseg.inference.exact.segmentation import ExactSegmentation, check_alone
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.predict import predict_labels, round_up
from jaxseg.inference.predict_options import PredictOptions as PredictOptions
from jaxseg.inference.prediction import Prediction, Segmented
from jaxseg.inference.refinement.chain import Refiner
from jaxseg.inference.uncertainty.ensemble import Ensemble
from jaxseg.inference.uncertainty.members import Member
from jaxseg.inference.windows.shared import shared
from jaxseg.ops.logit_scaling import LogitScaling
from jaxseg.ops.output_form import OutputForm
from jaxseg.typing import Size

CANVAS = 32  # The sides of sums of windows are multiples of this, in pixels.


@with_python_words
class Segmenter:
    """Segments images with a network, with the same preprocessing as `jaxseg eval`.

    The specification of a dataset contains neither the scale of the images nor the
    reading options, because these belong to the configuration of a run. To get both
    from a run, open the run with `jaxseg.open_run` and use its `segmenter`. If you
    create a `Segmenter` yourself, pass the run's `data.eval_scale` as `scale`.

    >>> import jax, numpy as np
    >>> import jaxseg
    >>> spec = jaxseg.DatasetSpec("two", ("ground", "sky"), ((0, 0, 0), (0, 0, 255)))
    >>> model = jaxseg.create_model("unet", num_classes=2, width=4, depth=1)
    >>> image = np.zeros((32, 32, 3), np.uint8)
    >>> variables = model.init(jax.random.key(0), image[None] / 255.0, train=False)
    >>> segmenter = jaxseg.Segmenter(model, variables, spec)
    >>> segmenter.predict(image).labels.shape
    (32, 32)
    """

    def __init__(
        self,
        model: nn.Module,
        variables: Any,
        spec: DatasetSpec,
        *,
        scale: float = 1.0,
        options: PredictOptions = PredictOptions(),  # noqa: B008
        reading: ReadOptions = ReadOptions(),  # noqa: B008
        scaling: LogitScaling | None = None,
        others: Sequence[Member] = (),
    ) -> None:
        """Places the weights on the default device.

        Args:
          model: The network.
          variables: Its parameters and statistics.
          spec: Classes, colors, mean and standard deviation of the images.
          scale: The factor by which images are resized for the network
            (`data.eval_scale` of a run).
          options: How images are segmented.
          reading: How image files are read.
          scaling: The scaling of the logits that calibrates the probabilities, which
            `jaxseg calibrate` fits, or None.
          others: Further networks, whose predictions are averaged with those of the
            first.

        Raises:
          ValueError: If `options.dataset` is not a dataset of the training, if the
            networks differ in their classes or in the type of their images, or if the
            options of averaging do not suit the networks.
        """
        network = ImageNetwork(
            model, spec, scale=scale, dataset=options.dataset, scaling=scaling
        )
        self.network, self.spec = network, network.output_spec
        self.options, self.reading = options, options_like(reading, spec)
        self.variables = jax.device_put(variables)
        self._labels = jax.jit(self.network.labels)
        self._both = jax.jit(self.network.labels_and_probabilities)
        self.prepare = jax.jit(self.network.prepare)
        # These objects must not change, so that jit finds the compiled programs again.
        # Code that runs the network on windows uses them, too.
        self.decisions = self._bound(self.network.decisions)
        self.class_logits = self._bound(self.network.class_logits)
        self._ensemble = self._ensemble_of(others)
        if options.mode == "exact":
            check_alone(options, several=self._ensemble.is_needed)

    @property
    def networks(self) -> tuple[tuple[ImageNetwork, Any], ...]:
        """Returns a pair (network, variables) for each network that is averaged."""
        members = self._ensemble.members
        return tuple((member.network, member.variables) for member in members)

    @functools.cached_property
    def form(self) -> OutputForm:
        """Returns the object that converts logits to probabilities and labels."""
        side, spec = round_up(CANVAS, self.options.padding), self.spec
        pixels = jax.ShapeDtypeStruct((1, side, side, spec.channels), spec.image_dtype)
        forward = lambda pixels: self.network.logits(self.variables, pixels)
        return self.network.form(jax.eval_shape(forward, pixels))

    @functools.cached_property
    def exact(self) -> ExactSegmentation:
        """Returns the object that segments images in tiles, for the mode "exact"."""
        limits = dataclasses.replace(self.options.limits, window=self.options.window)
        padding = self.options.padding
        return ExactSegmentation(self.network, self.variables, limits, multiple=padding)

    @functools.cached_property
    def refiner(self) -> Refiner:
        """Returns the object that refines the prediction for one image.

        It is called with the probabilities [H, W, K] and the image. It returns the
        refined labels and probabilities.

        Raises:
          ValueError: If an option of `options.refinement` does not suit the classes.
        """
        return Refiner(self.options.refinement, self.spec, self.form)

    def predict(self, image: str | os.PathLike | np.ndarray) -> Prediction:
        """Segments one image.

        Args:
          image: The path of an image file, or pixels [H, W, C] as in the training data,
            which are uint8 [H, W, 3] for an 8-bit RGB image.

        Returns:
          A `Prediction` with the label of each pixel and, on request, probabilities.

        Raises:
          ValueError: If the file cannot be read, or its pixels are of another type or
            have another number of channels than the training data.
        """
        if isinstance(image, str | os.PathLike):
            image = read_like(Path(image), self.reading, self.spec)
        image = np.asarray(image)
        spec = self.spec
        wanted = (3, spec.channels, spec.image_dtype)
        if (image.ndim, *image.shape[2:], image.dtype) != wanted:
            kind = "an RGB image" if spec.is_rgb8 else "an image like those of training"
            raise ValueError(
                f"image={image.dtype}{list(image.shape)} is invalid: expected {kind}, "
                f"{spec.image_type} [H, W, {spec.channels}], or the name of an image "
                "file."
            )
        pixels = self._padded(image)
        height, width = image.shape[:2]

        def crop(result):
            return result[0, :height, :width]

        found = self.segmented(pixels, soft=self.options.refinement.is_active)
        labels, soft = crop(found.labels), found.probabilities
        if self.options.refinement.is_active:
            labels, soft = self.refiner(crop(soft), image)
            later = lambda: soft
        elif soft is None:
            later = lambda: crop(self.probabilities(pixels))
        else:
            later = lambda: crop(soft)
        return Prediction(
            image,
            labels=labels,
            spec=self.spec,
            compute_probabilities=later,
            uncertainty={name: crop(values) for name, values in found.maps.items()},
        )

    def segment(
        self, pixels: np.ndarray, *, soft: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Segments a batch of images that have equal sizes.

        Args:
          pixels: The images [B, H, W, C], of the type in the dataset's specification.
          soft: Whether to always return probabilities. Otherwise they are returned only
            where they are computed anyway, for example because several predictions are
            averaged.

        Returns:
          The most probable classes, int32 [B, H, W], and the probabilities, float32
          [B, H, W, K], or None if they were not computed. If classes can overlap, the
          first result is booleans [B, H, W, K].
        """
        found = self.segmented(pixels, soft=soft)
        return found.labels, found.probabilities

    def segmented(self, pixels: np.ndarray, *, soft: bool = False) -> Segmented:
        """Segments a batch of images of one size, and computes maps of uncertainty.

        Args:
          pixels: The images [B, H, W, C], of the type in the dataset's specification.
          soft: Whether to always return probabilities, as in `segment`.

        Returns:
          A `Segmented` with the labels, the probabilities or None, and a dictionary
          from the name of each requested map of uncertainty to the map.
        """
        if self.options.mode == "exact":
            return Segmented(*self.exact.segment(pixels, soft=soft))
        whole = self.options.mode == "whole"
        by_windows = self.options.dataset is not None or self.spec.multilabel
        soft = soft or (by_windows and not whole)
        if self._ensemble.is_needed or (soft and not whole):
            found = self._ensemble.averaged(pixels, self.form, **self._how())
            probabilities = np.array(self.network.in_dataset(found.probabilities))
            labels = self.form.labels_of(probabilities)
            maps = {name: np.asarray(value) for name, value in found.maps.items()}
            return Segmented(labels, probabilities, maps)
        if soft:
            labels, probabilities = self._both(self.variables, pixels)
            return Segmented(np.array(labels), np.array(probabilities))
        if whole:
            return Segmented(np.array(self._labels(self.variables, pixels)))
        labels = predict_labels(
            self.decisions, self.prepare(pixels), size=pixels.shape[1:3], **self._how()
        )
        return Segmented(labels)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the probabilities, averaged over scales and flips, [B, H, W, K].

        Args:
          pixels: The images [B, H, W, C], of the type in the dataset's specification.
        """
        _, found = self.segment(pixels, soft=True)
        assert found is not None  # because of `soft`
        return found

    def _ensemble_of(self, others: Sequence[Member]) -> Ensemble:
        options = self.options
        first = Member(self.network, self.variables, plain=self.class_logits)
        found = Ensemble(
            (first, *others), options.averaging, options.scales, options.flip
        )
        side = round_up(CANVAS, options.padding)
        found.check(options.window or (side, side))
        return found

    def _bound(self, function):
        devices = self.options.devices
        if self.options.mode != "whole" and devices > 1:
            return shared(function, self.variables, devices=devices)
        return functools.partial(jax.jit(function), self.variables)

    def padded_size(self, size: Size) -> Size:
        """Returns the height and width to which an image is padded with the mean color.

        They are multiples of `options.padding`.

        Args:
          size: The height and width of the image.
        """
        height, width = (round_up(side, self.options.padding) for side in size)
        return height, width

    def _padded(self, image: np.ndarray) -> np.ndarray:
        height, width = self.padded_size(image.shape[:2])
        pixels = np.empty((1, height, width, self.spec.channels), self.spec.image_dtype)
        pixels[:] = self.spec.mean_color
        pixels[0, : image.shape[0], : image.shape[1]] = image
        return pixels

    def _how(self) -> dict[str, Any]:
        options = self.options
        multiple = options.padding
        if options.mode != "whole":
            multiple = CANVAS  # Few sizes of sums. It does not change the result.
        elif options.scales == (1.0,):
            multiple = 1  # Images are padded before they are resized, as in evaluation.
        return {
            "mode": options.mode,
            "windows": options.windows,
            "multiple": multiple,
        }
