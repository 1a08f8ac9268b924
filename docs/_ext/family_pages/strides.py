"""Computes the output stride of every preset, and those to choose from.

    python docs/_ext/family_pages strides [PRESET ...]

writes `strides.json`, which takes about five minutes on one core for all presets, or
updates the rows of the named ones.
"""

import functools
import json
import pathlib

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg import create_model
from jaxseg.models import MODELS

STORED = pathlib.Path(__file__).with_name("strides.json")
CHANNELS = (3, 4, 1)  # Color; color and depth; gray.
SIZES = ((1792, 3584), (3584, 7168))  # Multiples of 256, and of the patches of DINOv2.


def stored_strides() -> dict[str, list[int]]:
    """Returns for each preset its output stride, then the others to choose from."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def strides(name: str) -> list[int]:
    """Returns the output stride of a preset, then the other ones that it accepts.

    The output stride is that of the coarsest map of the backbone, or of the whole
    network if it has no separate backbone. It is measured by the growth of the map with
    the image, so that padding does not matter.
    """
    own = _stride(create_model(name, 21))
    others = [s for s in (8, 16, 32) if s != own and _accepts(name, s)]
    return [own, *others]


def write(names: list[str]) -> None:
    """Writes `strides.json` for all presets that take images, or updates some rows."""
    rows = stored_strides() if names else {}
    for name in names or MODELS.keys() - {"point_transformer"}:
        rows[name] = strides(name)
    rows = dict(sorted(rows.items()))
    lines = ",\n".join(f' "{name}": {values}' for name, values in rows.items())
    STORED.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _accepts(name, stride):
    try:
        return _stride(create_model(name, 21, output_stride=stride)) == stride
    except (TypeError, ValueError):
        return False


def _stride(model):
    small, large = (_shapes(model, size) for size in SIZES)
    found = set()
    for one, other in zip(small, large, strict=True):
        growth = [b - a for a, b in zip(one[1:3], other[1:3], strict=True)]
        if all(growth):
            ratios = [(SIZES[1][i] - SIZES[0][i]) / growth[i] for i in range(2)]
            found |= {int(ratios[0])} if ratios[0] == ratios[1] else set()
    return max(found)


def _shapes(model: nn.Module, size):
    """Returns the shapes of the maps of the backbone, or else of all maps."""
    key, refused = jax.eval_shape(lambda: jax.random.key(0)), None
    for channels in CHANNELS:
        image = jax.ShapeDtypeStruct((1, *size, channels), jnp.float32)
        init = functools.partial(model.init_with_output, train=False)
        try:
            keep = lambda m, method: m.name == "backbone" and method == "__call__"
            collections = ["params", "batch_stats", "intermediates"]
            init = functools.partial(
                init, capture_intermediates=keep, mutable=collections
            )
            _, variables = jax.eval_shape(init, key, image)
        except ValueError as error:
            refused = error
            continue
        calls = jax.tree.leaves(
            variables.pop("intermediates", {}), is_leaf=lambda v: isinstance(v, tuple)
        )
        if calls:  # The first call has the image itself, later ones smaller images.
            maps = jax.tree.leaves([call[0] for call in calls])
            return [x.shape for x in maps if len(x.shape) == 4]
        apply = lambda v, image: model.apply(v, image, train=False)["logits"]
        jaxpr = jax.make_jaxpr(apply)(variables, image).jaxpr
        results = [v.aval.shape for e in jaxpr.eqns for v in e.outvars]
        return [shape for shape in results if len(shape) == 4]
    raise refused
