"""Builds networks from configurations, and reads and writes run directories.

A run directory contains config.json, dataset.json, environment.json, metrics.jsonl,
TensorBoard events, ckpt/, overlays/ and report.html.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flax import linen as nn

import jaxseg
from jaxseg.checkpoints.adapters import merge_adapters, stored_adapters
from jaxseg.checkpoints.finite import check_finite
from jaxseg.checkpoints.reading import stored_leaves
from jaxseg.checkpoints.steps import resolve
from jaxseg.checkpoints.verification import advising, read_arrays
from jaxseg.config import Config, ModelConfig
from jaxseg.config.stored_code import marked, unmarked
from jaxseg.data import DatasetSpec
from jaxseg.models import FAMILIES, MODELS, check_name, factory_of
from jaxseg.models.families import check_pair
from jaxseg.models.unknown_option import UnknownOption
from jaxseg.nn.affinity import WithAffinity
from jaxseg.nn.block_config import BlockConfig
from jaxseg.runs.near_paths import did_you_mean_path
from jaxseg.runs.rules import invalid
from jaxseg.runs.serialize import from_dict, to_dict, unknown_model
from jaxseg.storage import atomic
from jaxseg.storage.json_file import parse_json, write_json
from jaxseg.storage.text import read_text
from jaxseg.text import near
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.model_card import NAME as CARD
from jaxseg.weights.translate.model_card import read_card

CONFIG, DATASET, CHECKPOINTS = "config.json", "dataset.json", "ckpt"
CHANNELS = 3  # The number of channels of an image, unless the dataset states another.
_NO_OPTIONS = ("num_classes", "style")  # Parameters that are set elsewhere.


def build_model(
    config: Config, num_classes: int, *, axis_name: str | None = None
) -> nn.Module:
    """Builds the network that a configuration describes.

    `config.model.options["style"]` sets fields of `BlockConfig`, such as the
    normalization of all blocks.

    Args:
      config: The configuration.
      num_classes: The number of classes.
      axis_name: The name that `jax.pmap` gives the axis of devices, or None.

    Raises:
      ValueError: If the network, an option or a field of the style is unknown. The
        message suggests similar names.
    """
    name, options = config.model.name, dict(config.model.options)
    check_backbone(config.model)
    style = _style(config, options.pop("style", {}), axis_name)
    _check_options(config.model, options)
    if config.model.backbone is not None:
        options["backbone"] = config.model.backbone
    try:
        model = jaxseg.create_model(name, num_classes, style=style, **options)
    except ValueError as error:
        option = re.match(r"\w+(?==)", str(error))
        named = option and option[0] in options
        place = "model.options." if named else f"model.options of {name!r}: "
        raise ValueError(f"{place}{error}") from error
    except UnknownOption as error:  # A part of the network has refused an option.
        inner = "backbone_options." if error.within else ""
        raise ValueError(
            f"model.options.{inner}{error.option} is invalid: {error.expected}"
        ) from error
    if "affinity" in (
        config.loss.name,
        *(extra for extra, _ in config.loss.additional),
    ):
        sizes = config.loss.options.get("affinity", {}).get("sizes", (1, 2, 3))
        return WithAffinity(model, num_classes, len(sizes))
    return model


def _style(config: Config, options: Any, axis_name: str | None) -> BlockConfig:
    """Returns the block configuration, whose dtype defaults to that of the run."""
    where = "model.options.style"
    if not isinstance(options, Mapping):
        expected = "a dictionary of fields, such as {'norm': 'group'}"
        raise ValueError(invalid(where, options, expected))
    values = {"dtype": config.train.dtype, **options}
    try:
        style = from_dict(BlockConfig, values, where=where)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if where in text else f"{where}.{text}") from error
    return dataclasses.replace(style, axis_name=axis_name)


def check_backbone(model: ModelConfig) -> None:
    """Checks that a configuration names a known network and a backbone that fits it.

    Raises:
      ValueError: If the network or the backbone is unknown, or if the backbone does not
        return the feature maps that the network needs.
    """
    if model.name not in MODELS and model.name not in FAMILIES:
        raise ValueError(unknown_model(model.name))
    given = model.options.get("backbone_options", {})
    if model.backbone is not None and not isinstance(given, Mapping):
        expected = "a dictionary of options, such as {'width': 32}"
        raise ValueError(invalid("model.options.backbone_options", given, expected))
    try:
        check_name(model.name, model.backbone)
        if model.backbone is not None and model.name in FAMILIES:
            stride = model.options.get("output_stride")
            neck = model.options.get("neck")
            check_pair(model.name, model.backbone, stride, neck)
    except ValueError as error:
        text = str(error)
        option = text.startswith(("output_stride=", "neck="))
        place = "model.options" if option else "model"
        raise ValueError(f"{place}.{text}") from error


def _check_options(model: ModelConfig, options: Mapping[str, Any]) -> None:
    factory = factory_of(model.name, model.backbone)
    parameters = inspect.signature(factory).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    allowed = [p.name for p in parameters if p.name not in _NO_OPTIONS]
    if model.backbone is not None:
        allowed = [name for name in allowed if name != "backbone"]
        allowed += ["output_stride", "backbone_options", "neck", "neck_features"]
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"model.options.{option} is invalid for {model.name!r}"
                f"{near(option, allowed or ['none'])}"
            )


def write_run(workdir: Path, config: Config, spec: DatasetSpec) -> None:
    """Writes the files that describe a run to its directory, each atomically.

    They are config.json, the configuration, and dataset.json, the dataset
    specification.
    """
    atomic.write_text(workdir / DATASET, spec.to_json() + "\n")
    write_json(workdir / CONFIG, to_dict(unmarked(config)))


def read_config(workdir: str | Path, *, option: str = "workdir") -> Config:
    """Reads the configuration of a run directory.

    The options that name code to execute are marked, see `jaxseg.config.stored_code`.

    Args:
      workdir: The run directory.
      option: The option or argument that names it, for error messages.

    Raises:
      ValueError: If the directory contains no valid configuration.
    """
    path = Path(workdir) / CONFIG
    if not path.is_file():
        raise ValueError(
            f"{option}={str(workdir)!r} is invalid: expected a run directory, but "
            f"{path} is missing.{did_you_mean_path(workdir, _is_run)}"
        )
    try:
        values = parse_json(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is invalid: expected JSON, but {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is invalid: expected a JSON object of options")
    try:
        return marked(from_dict(Config, _as_before(values)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _is_run(path: Path) -> bool:
    return (path / CONFIG).is_file()


def _as_before(values: dict[str, Any]) -> dict[str, Any]:
    """Returns stored options, with the earlier values of options that they lack.

    Before the option `data.pixels` existed, `data.range` reduced images to 8-bit RGB.
    Before `data.eval_multiple` existed, images were padded to multiples of 32 pixels.
    """
    data = values.get("data")
    if not isinstance(data, Mapping):
        return values
    before: dict[str, Any] = {"eval_multiple": 32}
    if data.get("range") is not None:
        before["pixels"] = "rgb8"
    return {**values, "data": {**before, **data}}


def read_spec(workdir: str | Path) -> DatasetSpec:
    """Reads the dataset specification of a run directory.

    It contains the classes of the run and the normalization of its images.

    Raises:
      ValueError: If the directory contains no valid specification, or if the weights
        expect images whose channels are not in the order RGB.
    """
    _check_card(Path(workdir))
    path = Path(workdir) / DATASET
    text = read_text(path)
    try:
        return DatasetSpec.from_json(text)
    except ValueError as error:
        raise ValueError(
            f"{path} is invalid: expected a dataset specification, but {error}"
        ) from error


def _check_card(workdir: Path) -> None:
    """Raises ValueError when the weights of a run expect another order than RGB."""
    if not (workdir / CARD).is_file():
        return
    card = read_card(workdir)
    if card.normalization.order != "RGB":
        where = f"{workdir / CARD}: normalization.order"
        expected = "'RGB', the order in which images are read here"
        advice = f"Convert {card.source} again: that reverses the first convolution."
        raise ValueError(
            invalid(where, card.normalization.order, expected, advice=advice)
        )


def load_variables(
    workdir: str | Path,
    model: nn.Module,
    *,
    checkpoint: str | int = "best",
    ema: bool = False,
    verify: bool = True,
    channels: int = CHANNELS,
) -> tuple[int, dict[str, Any]]:
    """Loads the variables of a checkpoint as NumPy arrays.

    Low-rank adapters (LoRA) are merged into the layers that they adapt.

    Args:
      workdir: The run directory.
      model: The network that the run trained.
      checkpoint: "best", "latest" or a step.
      ema: Whether to load the moving average of the parameters instead of the
        parameters of the last step.
      verify: Whether to compare the arrays with the digest that was stored with them.
      channels: The number of channels of the images.

    Returns:
      A pair: the step of the checkpoint and its variables.

    Raises:
      ValueError: If the checkpoint does not exist, belongs to another model or is
        damaged, or if a parameter is not finite.
    """
    directory = Path(workdir) / CHECKPOINTS
    if not directory.is_dir():
        raise ValueError(
            f"{directory} is invalid: expected a checkpoint, but nothing was saved "
            "yet. Train the run first."
        )
    shapes = variable_shapes(model, channels)
    params = "ema" if ema else "params"
    wanted = {params: shapes["params"], "batch_stats": shapes.get("batch_stats", {})}
    with advising("pass --checkpoint {step} to use it"):
        step = resolve(directory, checkpoint, verify=verify)
        folder = directory.absolute() / str(step)
        wanted[params] |= stored_adapters(stored_leaves(folder), params)
        arrays = read_arrays(folder, wanted, verify=verify)
    check_finite(arrays, folder)
    stats = {"batch_stats": arrays["batch_stats"]} if wanted["batch_stats"] else {}
    return step, {"params": merge_adapters(arrays[params]), **stats}
