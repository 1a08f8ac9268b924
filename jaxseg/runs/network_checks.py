"""Checks that a network can be built with the options of a configuration.

Prediction and evaluation of a stored run make only these checks. The checks need no
code that reads or augments training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxseg.config import Config
from jaxseg.runs import options
from jaxseg.runs.directory import build_model


def check_options(config: Config, given: Mapping[str, Any]) -> None:
    """Checks the network options that a command line overrides.

    Options that come from the stored configuration of a run were checked when that run
    was trained and are not checked again.

    Args:
      config: The configuration, with the options of the command line applied.
      given: The options of the command line, as `config_file.take_options` returns
        them.

    Raises:
      ValueError: If an option is unknown or has an invalid value.
    """
    names = given.get("model", {}).get("options", {})
    over = {name: config.model.options[name] for name in names}
    if over:
        _check_options(config, over)


def check_network(config: Config) -> None:
    """Raises ValueError if a configuration's options do not form a valid network."""
    _check_options(config, config.model.options)


def _check_options(config: Config, given: Mapping[str, Any]) -> None:
    options.check_network(config.model.name, given, config.model.backbone)
    model = build_model(config, num_classes=2)
    options.check_parts(model, given)
    inner = given.get("backbone_options")
    if config.model.backbone is not None and inner:
        place = "model.options.backbone_options"
        options.check_parts(model.backbone, inner, place)
