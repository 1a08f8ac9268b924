"""Whole networks, one file per family; `MODELS` holds them by name."""

import difflib

from flax import linen as nn

from jaxseg.models.zoo import MODELS


def create_model(name: str, num_classes: int, **options) -> nn.Module:
    """The network of that name, ready for `init` and `apply`.

    Args:
      name: one of `list_models()`, such as "deeplabv3plus_resnet50".
      num_classes: channels of the logits.
      **options: of the factory, such as `output_stride=8` or `style=Style(...)`.

    Raises: ValueError for an unknown name, with the nearest names, or for an option the
      factory does not have.
    """
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=3) or sorted(MODELS)
        raise ValueError(
            f"model name {name!r} is unknown; nearest are {', '.join(near)}"
        )
    if num_classes < 1:
        raise ValueError(f"num_classes {num_classes} must be at least 1")
    return MODELS[name](num_classes, **options)


def list_models(part: str = "") -> list[str]:
    """Names that contain `part`, sorted."""
    return sorted(name for name in MODELS if part in name)


__all__ = ["MODELS", "create_model", "list_models"]
