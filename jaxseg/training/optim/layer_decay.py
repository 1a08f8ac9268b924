"""Decays the learning rate by layer, for fine-tuning a pretrained backbone.

The rule is that of BEiT and MAE (arXiv 2106.08254, 2111.06377). A unit is a numbered
module of the backbone, such as a residual block or a transformer layer. If the backbone
has L units, the learning rate of unit i (from 0) is multiplied by decay^(L - i), and
the learning rate of the image embedding by decay^(L + 1). Modules after the units or
outside the backbone have the full learning rate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import jax

BACKBONE = "backbone"
EMBEDDING = ("stem", "root", "patch", "position", "class_token", "register_tokens")
PHASES = ("entry", "", "middle", "exit")  # phases of Xception; "" is any other


def multipliers(params: Mapping[str, Any], decay: float) -> Any:
    """Returns a tree like `params` with the learning-rate multiplier of each parameter.

    Units are the modules of params["backbone"] with a number in their name, such as
    "layer3_11" of a ResNet (stage, block) or "layer7" of a ViT. Their order is that of
    the numbers. A module whose name starts with a word of `EMBEDDING` belongs to the
    image embedding. All other modules, such as a final normalization, have the full
    learning rate.

    Args:
      params: The parameters.
      decay: The learning rate of a unit divided by that of the next unit, in (0, 1].

    Raises:
      ValueError: If `decay` is out of range, or if the backbone has no units.
    """
    if not 0 < decay <= 1:
        raise ValueError(
            f"optim.layer_decay={decay} is invalid: expected 0 < decay <= 1."
        )
    levels = _levels(params.get(BACKBONE, {}))
    if not levels:
        raise ValueError(
            f"optim.layer_decay={decay} is invalid: expected None, because the "
            f"{BACKBONE!r} has no numbered blocks, such as block_1, whose learning "
            f"rates can decay. The network contains {sorted(params)}."
        )
    top = max(levels.values()) + 1

    def factor(path, _):
        name, *rest = (part.key for part in path)
        level = levels.get(rest[0], top) if name == BACKBONE else top
        return decay ** (top - level)

    return jax.tree_util.tree_map_with_path(factor, params)


def _levels(backbone):
    """Returns the level of each module: 0 for the embedding, then 1, 2, ..."""
    order = {name: _place(name) for name in backbone if not _embeds(name)}
    numbered = {name: place for name, place in order.items() if place is not None}
    ranks = {place: i + 1 for i, place in enumerate(sorted(set(numbered.values())))}
    levels = {name: ranks[place] for name, place in numbered.items()}
    return levels and levels | {name: 0 for name in backbone if _embeds(name)}


def _embeds(name):
    return name.startswith(EMBEDDING)


def _place(name):
    """Returns the sort key of a unit: phase, stage, block; transitions end a stage."""
    numbers = re.findall(r"\d+|(?<=\d)[a-z](?![a-z])", name)
    if not numbers:
        return None
    word = re.match(r"[a-z]*", name).group()
    places = [float(n) if n.isdigit() else float(ord(n) - ord("a")) for n in numbers]
    if word == "transition":
        places = [places[0], math.inf]
    return PHASES.index(word if word in PHASES else ""), *places
