"""Describes backbones with the neck that the option `neck` of a family selects."""

from collections.abc import Sequence

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.multilevel import is_plain, with_neck

NECKS = ("multilevel",)
SHOWN = 12  # Names of a list in an error.


def backbone_record(
    name: str, neck: str | None, features: int | None = None
) -> Backbone:
    """Returns the description of a backbone, with the neck if one is given.

    Args:
      name: A name of `BACKBONES`.
      neck: "multilevel", or None for no neck.
      features: Number of channels of the levels of the neck; None takes the width of
        the transformer.

    Raises:
      ValueError: If an option is invalid, or if the backbone cannot have a neck.
    """
    record = BACKBONES[name]
    if neck is None:
        if features is not None:
            raise ValueError(
                f"neck_features={features!r} is invalid: expected None without a neck. "
                "Set neck='multilevel', or leave neck_features out."
            )
        return record
    whole = isinstance(features, int) and not isinstance(features, bool)
    if features is not None and (not whole or features < 1):
        raise ValueError(
            f"neck_features={features!r} is invalid: expected a number of channels of "
            "1 or more, or None for the width of the transformer."
        )
    if neck not in NECKS:
        names = " or ".join(map(repr, NECKS))
        raise ValueError(f"neck={neck!r} is invalid: expected None or {names}.")
    if not is_plain(record):
        plain = listed(sorted(n for n, other in BACKBONES.items() if is_plain(other)))
        raise ValueError(
            f"neck={neck!r} is invalid: expected None with backbone={name!r}, which is "
            f"no plain transformer. Plain transformers are {plain}."
        )
    return with_neck(record, features)


def listed(names: Sequence[str]) -> str:
    """Returns the first names of a list, separated by commas, for an error message.

    Args:
      names: All names.
    """
    if not names:
        return "none"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
