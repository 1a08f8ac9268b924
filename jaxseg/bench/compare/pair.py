"""Builds the network of a checkpoint both in its own library and in jaxseg."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.bench import pytorch
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.ops.output_form import OutputForm, form_of
from jaxseg.runs.conversion import (
    Conversion,
    convert,
    dataset_spec,
    expected_input,
    model_card,
    run_variables,
)
from jaxseg.runs.directory import DATASET, build_model, read_spec
from jaxseg.runs.image_input import for_channels, for_rgb
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.loading import Taking
from jaxseg.weights.original import Original, Unavailable, build_original, importing
from jaxseg.weights.translate.model_card import Normalization
from jaxseg.weights.translate.refused import Refused

_IMPORTS: dict[str, tuple[str, Callable[[], Any]]] = {  # library -> module, import
    "torchvision": ("torchvision", pytorch.torchvision),
    "timm": ("timm", pytorch.timm),
    "segmentation_models_pytorch": ("segmentation_models_pytorch", pytorch.smp),
    "mmsegmentation": ("mmseg", pytorch.mmseg),
}
_INSTALL = {
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "mmsegmentation": "mmengine mmcv-lite mmsegmentation",
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """Contains the network of a checkpoint in its own library and in jaxseg.

    Attributes:
      conversion: The checkpoint, and its weights converted to jaxseg.
      original: The network in the library that the checkpoint comes from.
      network: The network in jaxseg and its preprocessing.
      variables: The parameters and statistics of the network in jaxseg.
      normalization: The normalization of images that the original network expects.
        Its values are in the order RGB.
      order: The order of the channels that the original network takes, "RGB" or "BGR".
      imported: The weights file or run directory from which `variables` were read, or
        "" if the checkpoint itself was converted for this comparison.
    """

    conversion: Conversion
    original: Original
    network: ImageNetwork
    variables: Any
    normalization: Normalization
    order: str = "RGB"
    imported: str = ""

    @property
    def library(self) -> str:
        """Returns the name of the library that the checkpoint comes from."""
        return self.conversion.imported.source.library

    @property
    def title(self) -> str:
        """Describes the network in jaxseg and the origin of its weights in words."""
        found, source = self.conversion.network, self.conversion.imported.source
        return (
            f"{found.config.model.title}, {found.num_classes} classes, from "
            f"{source.library} {source.name}"
        )

    @functools.cached_property
    def form(self) -> OutputForm:
        """Returns the `OutputForm` that converts logits of both networks to labels."""
        classes = self.conversion.network.num_classes
        return OutputForm("binary") if classes == 1 else form_of(classes, self.spec)

    @property
    def spec(self):
        """Returns a `DatasetSpec`, which contains the classes and the normalization."""
        return self.network.spec

    def in_order(self, inputs: np.ndarray) -> np.ndarray:
        """Returns images in the channel order that the original network takes.

        If that order is BGR, the channels of the images are reversed.

        Args:
          inputs: RGB images, [B, H, W, C].
        """
        return inputs[..., ::-1] if self.order == "BGR" else inputs

    def original_logits(self, inputs: np.ndarray) -> np.ndarray:
        """Returns the logits of the original network, float32 [B, H, W, K].

        Args:
          inputs: Normalized RGB images, float32 [B, H, W, C].

        Raises:
          ValueError: If the network does not accept images of this size.
        """
        try:
            return self.original.logits(self.in_order(inputs))
        except (AssertionError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:160]
            height, width = inputs.shape[1:3]
            raise ValueError(
                f"The network of {self.library} does not accept images of {height} x "
                f"{width} pixels ({why}). Pass another size, such as --size 256 256."
            ) from error

    @functools.cached_property
    def jaxseg_logits(self) -> Callable[[np.ndarray], jax.Array]:
        """Returns a compiled function from normalized RGB images to jaxseg's logits.

        The function maps images, float32 [B, H, W, C], to logits [B, H, W, K].
        """
        apply = jax.jit(self.network.forward)
        variables = jax.device_put(self.variables)

        def logits(inputs: np.ndarray) -> jax.Array:
            with jax.default_matmul_precision("highest"):
                return apply(variables, inputs)

        return logits


def open_pair(checkpoint: str, wanted: Wanted, *, imported: str = "") -> Pair:
    """Builds the network of a checkpoint both in its own library and in jaxseg.

    The file is read without PyTorch first, and nothing in it is executed.

    Args:
      checkpoint: A file of torchvision, segmentation_models.pytorch or MMSegmentation.
      wanted: The network, the number of classes and other settings that the user has
        chosen. All other settings follow from the checkpoint.
      imported: A run directory or weights file of jaxseg whose weights were converted
        from the checkpoint. By default, the checkpoint is converted now.

    Returns:
      A `Pair`, which contains both networks.

    Raises:
      ValueError: If the file cannot be read, no network fits the weights, or PyTorch or
        the library of the checkpoint is not installed.
    """
    conversion = _converted(checkpoint, wanted)
    source = conversion.imported.source
    if source is None:
        raise ValueError(
            f"checkpoint={checkpoint!r} is invalid: expected weights of a PyTorch "
            "library, found weights of jaxseg. Pass the checkpoint that they were "
            "converted from, and these weights as --imported."
        )
    classes = conversion.network.num_classes
    if wanted.num_classes not in (None, classes):
        raise ValueError(
            f"num_classes={wanted.num_classes} is invalid: expected {classes}, the "
            f"number of classes in {checkpoint}. Leave --num-classes out."
        )
    ours = _imported(conversion, imported) if imported else conversion
    spec = dataset_spec(conversion, model_card(conversion))
    if (Path(ours.path) / DATASET).is_file():
        spec = read_spec(ours.path)
    config = ours.network.config
    normalization = expected_input(conversion)[0]
    return Pair(
        conversion,
        original=_original(conversion),
        network=ImageNetwork(
            build_model(config, ours.network.num_classes),
            spec,
            scale=config.data.eval_scale,
        ),
        variables=run_variables(ours),
        normalization=for_channels(for_rgb(normalization), conversion.network.channels)[
            0
        ],
        order=normalization.order,
        imported=imported,
    )


def _converted(checkpoint: str, wanted: Wanted) -> Conversion:
    """Imports the checkpoint; an error explains that a backbone has no logits."""
    try:
        return convert(
            checkpoint, dataclasses.replace(wanted, num_classes=None), Taking()
        )
    except Refused as error:
        if not any(remedy.option == "part" for remedy in error.remedies):
            raise
        raise ValueError(
            f"{error.problem} `jaxseg compare` needs a whole network, because it "
            "compares logits. `jaxseg convert` can import the backbone."
        ) from error


def _imported(conversion: Conversion, address: str) -> Conversion:
    """Reads weights that were converted from the checkpoint before.

    Raises:
      ValueError: If they cannot be read or belong to another number of classes.
    """
    network = conversion.network
    wanted = Wanted()
    if not (Path(address) / DATASET).is_file():
        options = {"model": {"options": dict(network.config.model.options)}}
        wanted = Wanted(network.config.model.name, options)
    ours = convert(address, wanted, Taking())
    found = ours.network
    for name, got, want in (
        ("classes", found.num_classes, network.num_classes),
        ("image channels", found.channels, network.channels),
    ):
        if got != want:
            raise ValueError(
                f"imported={address!r} is invalid: expected {want} {name}, as in the "
                f"checkpoint, but it has {got}. Pass weights that were converted from "
                "this checkpoint."
            )
    return ours


def _original(conversion: Conversion) -> Original:
    """Builds the network in the library of the checkpoint.

    Raises:
      ValueError: If PyTorch or the library is not installed. The message says which
        command installs it.
    """
    source, found = conversion.imported.source, conversion.network
    options = found.config.model.options
    try:
        if source.library in _IMPORTS:
            module, load = _IMPORTS[source.library]
            with importing("torch"):
                importlib.import_module("torch")
            with importing(module):
                load()
        return build_original(
            source,
            source.network(
                found.config.model.name, options, found.config.model.backbone
            ),
            conversion.imported.found.state,
            num_classes=found.num_classes,
            options=options,
            channels=found.channels,
        )
    except Unavailable as error:
        raise ValueError(_advice(str(error), source.library)) from error


def _advice(problem: str, library: str) -> str:
    if "cannot be imported" not in problem:
        return f"The checkpoint cannot be compared: {problem}."
    packages = _INSTALL.get(library, library)
    return (
        f"`jaxseg compare` runs the checkpoint in {library}, but {problem}. Install it "
        f"with `pip install torch {packages}`."
    )
