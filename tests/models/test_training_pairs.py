"""Tiny pairs that together contain every family and every kind of backbone, trained.

A family occurs in one pair, so that there are as many pairs as families.
"""

import collections
import functools
import re

import jax
import numpy as np
import optax
import pytest

from jaxseg import create_model
from jaxseg.config import LossConfig
from jaxseg.losses import build_objective
from jaxseg.models import FAMILIES
from jaxseg.models.families import backbones_for
from jaxseg.training.step.state import TrainState
from jaxseg.training.step.steps import train_step
from tests.models.test_pairs import TINY

SIZE, CLASSES = (64, 64), 3
TX = optax.sgd(1e-2)
# RefineNet has no normalization after the backbone: its random values are large.
CLIPPED = optax.chain(optax.clip_by_global_norm(1.0), TX)


def cover():
    """Chooses a backbone for each family, so that every kind of backbone occurs.

    Families that fit few backbones choose first. Each takes the backbone that occurs
    least often so far, and of several such the one that fits the fewest families.
    """
    fits = {family: set(backbones_for(family)) & set(TINY) for family in FAMILIES}
    rarity = {name: sum(name in found for found in fits.values()) for name in TINY}
    chosen = {}
    for family in sorted(fits, key=lambda family: (len(fits[family]), family)):
        used = collections.Counter(chosen.values())
        order = lambda name, used=used: (used[name], rarity[name], name)
        chosen[family] = min(fits[family], key=order)
    return chosen


COVER = cover()
QUICK = ("glore",)
# Parameters on which the scores do not depend: biases in front of a normalization, which
# subtracts constants, and layer6 of WideResNet-38, because the head reads layer5.
_BIASES = r"^\['conv\d'\]\['conv'\]\['bias"
WITHOUT_EFFECT = {
    "segformer": r"project_c\d'\]\['bias",
    "setr_naive": rf"layer6_|^\['norm'\]\['bias|{_BIASES}",
    "setr_pup": _BIASES,
}


def test_the_pairs_contain_every_family_and_every_kind_of_backbone():
    assert COVER.keys() == FAMILIES.keys()
    assert {*COVER.values()} == TINY.keys()


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(family, marks=() if family in QUICK else pytest.mark.sweep)
        for family in sorted(COVER)
    ],
)
def test_a_pair_trains_two_steps(family, fill):
    backbone = COVER[family]
    model = create_model(
        family, CLASSES, backbone=backbone, backbone_options=TINY[backbone]
    )
    random = np.random.default_rng(0)
    image = random.normal(size=(2, *SIZE, 3)).astype(np.float32)
    batch = {"image": image, "label": random.integers(0, CLASSES, (2, *SIZE))}
    batch["label"] = batch["label"].astype(np.int32)
    tx = CLIPPED if family == "refinenet" else TX
    state = start(fill(model, (1, *SIZE, 3)), tx)
    objective = build_objective(LossConfig())
    step = functools.partial(train_step, model=model, tx=tx, loss_fn=objective)
    step, before, losses = jax.jit(step), state.params, []
    for _ in range(2):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert np.isfinite(losses).all() and losses[1] != losses[0], losses
    leaves = jax.tree.map(changed, before, state.params)
    for part, tree in leaves.items():
        pairs = jax.tree_util.tree_flatten_with_path(tree)[0]
        names = {jax.tree_util.keystr(path): moved for path, moved in pairs}
        without = re.compile(WITHOUT_EFFECT.get(family, "^$"))
        found = [moved for name, moved in names.items() if not without.search(name)]
        assert np.mean(found) > 0.8, part


def start(variables, tx):
    """The state before the first step."""
    params = variables["params"]
    return TrainState(
        step=np.zeros((), np.int32),
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=tx.init(params),
        ema=None,
        rng=jax.random.key(0),
    )


def changed(old, new):
    """Whether a parameter is finite and has moved."""
    return bool(np.isfinite(new).all() and np.any(old != np.asarray(new)))
