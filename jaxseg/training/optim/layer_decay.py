"""Layer-wise decay of the learning rate, for fine-tuning a pretrained backbone.

As in BEiT and MAE (arXiv 2106.08254, 2111.06377): with L units in the backbone, unit i
(from 0) learns at decay^(L - i) of the rate, what embeds the image at decay^(L + 1),
and all that lies behind the units or outside the backbone at the full rate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import jax

BACKBONE = "backbone"
EMBEDDING = ("stem", "root", "patch", "position", "class_token")
PHASES = ("entry", "", "middle", "exit")  # of Xception; "" is any other name


def multipliers(params: Mapping[str, Any], decay: float) -> Any:
    """Factor of the learning rate for every parameter.

    Units are the modules of params["backbone"] with a number in their name, such as
    "layer3_11" of a ResNet (stage, block) or "layer7" of a ViT, in the order of the
    numbers. Modules without one are the embedding (`EMBEDDING`) or lie behind the
    units, as a last normalization does.

    Raises:
      ValueError: decay is not in (0, 1], or there is no backbone with units.
    """
    if not 0 < decay <= 1:
        raise ValueError(f"layer_decay is {decay}; allowed is 0 < layer_decay <= 1")
    levels = _levels(params.get(BACKBONE, {}))
    if not levels:
        raise ValueError(
            f"layer_decay is {decay}, but no module of a {BACKBONE!r} has a number; "
            f"the network holds {sorted(params)}"
        )
    top = max(levels.values()) + 1

    def factor(path, _):
        name, *rest = (part.key for part in path)
        level = levels.get(rest[0], top) if name == BACKBONE else top
        return decay ** (top - level)

    return jax.tree_util.tree_map_with_path(factor, params)


def _levels(backbone):
    """Of a backbone's modules: 0 for the embedding, 1, 2, ... for the units."""
    order = {name: _place(name) for name in backbone if not _embeds(name)}
    numbered = {name: place for name, place in order.items() if place is not None}
    ranks = {place: i + 1 for i, place in enumerate(sorted(set(numbered.values())))}
    levels = {name: ranks[place] for name, place in numbered.items()}
    return levels and levels | {name: 0 for name in backbone if _embeds(name)}


def _embeds(name):
    return name.startswith(EMBEDDING)


def _place(name):
    """What units are sorted by: phase, stage, block; a transition ends its stage."""
    numbers = re.findall(r"\d+|(?<=\d)[a-z](?![a-z])", name)
    if not numbers:
        return None
    word = re.match(r"[a-z]*", name).group()
    places = [float(n) if n.isdigit() else float(ord(n) - ord("a")) for n in numbers]
    if word == "transition":
        places = [places[0], math.inf]
    return PHASES.index(word if word in PHASES else ""), *places
