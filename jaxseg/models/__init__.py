"""Complete networks, one file for each family.

`MODELS` maps the names of the presets to functions that create them. A preset is a
network with a certain backbone.
`FAMILIES` lists the heads that can be combined with the backbones in
`jaxseg.backbones.catalog`.
"""

import functools
import inspect
from collections.abc import Callable

from flax import linen as nn

from jaxseg.models.families import FAMILIES, create_pair
from jaxseg.models.unknown_option import naming_options
from jaxseg.models.zoo import MODELS
from jaxseg.text import similar


def create_model(
    name: str, num_classes: int, *, backbone: str | None = None, **options
) -> nn.Module:
    """Creates a network by its name, ready for `init` and `apply`.

    >>> model = create_model("deeplabv3plus", backbone="hrnet_w18", num_classes=19)

    Args:
      name: A name of `list_models()`, such as "deeplabv3plus_resnet50". If `backbone`
        is given, the name of a family, such as "deeplabv3plus".
      num_classes: Number of channels of the logits.
      backbone: The name of the backbone, such as "resnet50" (`jaxseg models
        --backbones` lists all). None selects the backbone of the preset.
      **options: Options of the network, such as `output_stride=8` or
        `style=BlockConfig(...)`. With a backbone, `backbone_options` is a dictionary
        of options of the backbone, and `neck="multilevel"` resizes the levels of a
        plain transformer, such as "vitb16", for decoders that read levels of different
        strides.

    Returns:
      A module that maps an image [B, H, W, C] to {"logits": [B, H, W, num_classes],
      ...}.

    Raises:
      ValueError: If a name is unknown, the backbone does not have the pyramid levels
        that the family needs, or `num_classes` is below 1.
      TypeError: If an option is not known to the network.
    """
    check_name(name, backbone)
    if num_classes < 1:
        raise ValueError(f"num_classes={num_classes} is invalid: expected 1 or more.")
    if backbone is not None and name in FAMILIES:
        return create_pair(name, backbone, num_classes, **options)
    own = {} if backbone is None else {"backbone": backbone}
    factory = functools.partial(MODELS[name], num_classes, **own)
    with naming_options(name, factory, options):
        return factory(**options)


def check_name(name: str, backbone: str | None = None) -> None:
    """Raises ValueError if a network's name is unknown or does not fit the backbone.

    Args:
      name: The name of a network, such as "deeplabv3plus_resnet50". If `backbone` is
        given, the name of a family, such as "deeplabv3plus".
      backbone: The name of a backbone or None.
    """
    if name not in MODELS and name not in FAMILIES:
        names = MODELS if backbone is None else FAMILIES
        near = similar(name, names)
        advice = f" Similar names are {', '.join(near)}." if near else ""
        kind = "jaxseg.list_models()" if backbone is None else "jaxseg.models.FAMILIES"
        raise ValueError(
            f"model name={name!r} is invalid: expected one of {kind}.{advice}"
        )
    if backbone is None and name not in MODELS:
        found = [preset for preset in MODELS if preset.startswith(f"{name}_")]
        presets = f", or a preset such as {found[0]!r}" if found else ""
        raise ValueError(
            f"backbone=None is invalid: expected the name of a backbone for the family "
            f"{name!r}, such as 'resnet50'{presets}. `jaxseg models --backbones` lists "
            "all backbones."
        )
    if backbone is not None and name not in FAMILIES:
        if "backbone" in inspect.signature(MODELS[name]).parameters:
            return  # The factory has such an option itself.
        near = [family for family in FAMILIES if name.startswith(f"{family}_")]
        near = near or sorted(FAMILIES)
        raise ValueError(
            f"backbone={backbone!r} is invalid: expected None for the preset {name!r}, "
            f"which has its own backbone. To choose the backbone, name a family "
            f"instead: {', '.join(near)}."
        )


def factory_of(name: str, backbone: str | None = None) -> Callable[..., nn.Module]:
    """Returns the function that creates a network from its options.

    The function of a family takes the number of classes, a backbone and keywords. The
    function of a network in `MODELS` takes the number of classes and keywords.

    Args:
      name: The name of a network, such as "deeplabv3plus_resnet50". If `backbone` is
        given, the name of a family, such as "deeplabv3plus".
      backbone: The name of a backbone or None.
    """
    if backbone is None or name not in FAMILIES:
        return MODELS[name]
    return FAMILIES[name].compose


def family_of(preset: str) -> str | None:
    """Returns the name of the family to which a network of `MODELS` belongs, or None.

    >>> family_of("deeplabv3plus_resnet50")
    'deeplabv3plus'
    """
    found = [family for family in FAMILIES if preset.startswith(f"{family}_")]
    return max(found, key=len, default=None)


def list_models(part: str = "") -> list[str]:
    """Returns the sorted names of the networks in `MODELS` that contain `part`."""
    return sorted(name for name in MODELS if part in name)


__all__ = [
    "FAMILIES",
    "MODELS",
    "check_name",
    "create_model",
    "factory_of",
    "family_of",
    "list_models",
]
