"""Complete networks, one file for each family; `MODELS` lists them by name."""

import difflib

from flax import linen as nn

from jaxseg.models.zoo import MODELS


def create_model(name: str, num_classes: int, **options) -> nn.Module:
    """Creates the network of a name, ready for `init` and `apply`.

    Args:
      name: One of `list_models()`, such as "deeplabv3plus_resnet50".
      num_classes: Number of channels of the logits.
      **options: Options of the factory, such as `output_stride=8` or
        `style=BlockConfig(...)`.

    Returns:
      A module that maps an image [B, H, W, C] to {"logits": [B, H, W, num_classes],
      ...}.

    Raises:
      ValueError: If the name is unknown or `num_classes` is below 1.
      TypeError: If the factory does not have an option.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=3)
        advice = f" Similar names are {', '.join(near)}." if near else ""
        raise ValueError(
            f"model name={name!r} is invalid: expected a name of "
            f"jaxseg.list_models().{advice}"
        )
    if num_classes < 1:
        raise ValueError(f"num_classes={num_classes} is invalid: expected 1 or more.")
    return MODELS[name](num_classes, **options)


def list_models(part: str = "") -> list[str]:
    """Returns the sorted names that contain `part`."""
    return sorted(name for name in MODELS if part in name)


__all__ = ["MODELS", "create_model", "list_models"]
