"""Reads the configurations of a sweep from a Python file."""

from __future__ import annotations

from pathlib import Path

from jaxseg.config import Config
from jaxseg.runs.config_file import execute_file, is_python
from jaxseg.runs.near_paths import did_you_mean_path
from jaxseg.runs.serialize import from_dict, to_dict
from jaxseg.tasks.checks import check

Axis = tuple[str, dict[str, float]]


def load_configs(
    path: str, variant: str = "configs"
) -> tuple[dict[str, Config], Axis | None]:
    """Loads the configurations of a sweep from a Python file, and checks them.

    Args:
      path: The file, which defines `{variant} = {name: Config(...), ...}`.
      variant: The name of the dictionary.

    Returns:
      A dictionary from names to configurations, and the x axis of the figure: its
      label, and a dictionary from names to positions. The axis is None unless the file
      defines a dictionary `axis` with the position of every configuration.

    Raises:
      ValueError: If the file is missing, cannot be executed or does not define the
        dictionary, or if a configuration is invalid.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(
            f"file={path!r} is invalid: expected an existing Python file."
            f"{did_you_mean_path(path, is_python)}"
        )
    module = execute_file(file)
    configs = getattr(module, variant, None)
    if not configs or not isinstance(configs, dict):
        raise ValueError(
            f"file={path!r} is invalid: expected a Python file that defines "
            f"`{variant} = {{name: Config(...), ...}}`."
        )
    for name, config in configs.items():
        if not isinstance(config, Config) or not str(name).replace("_", "").isalnum():
            raise ValueError(
                f"{path}: {variant}[{name!r}] is invalid: expected a Config, with a "
                "name of letters, digits and underscores."
            )
    checked = {name: _checked(c, f"{path}: {name}") for name, c in configs.items()}
    axis = getattr(module, "axis", None)
    if not axis or not set(configs) <= set(axis):
        return checked, None
    return checked, (getattr(module, "axis_label", ""), axis)


def _checked(config: Config, where: str) -> Config:
    """Returns a configuration with the type and bounds of every field checked."""
    try:
        config = from_dict(Config, to_dict(config))
        check(config)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return config
