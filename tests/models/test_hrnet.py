"""HRNet and OCRNet: sizes, the exchange, the region head's part."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.backbones.hrnet import ExchangeModule, HRNet
from jaxseg.models.hrnet import hrnet_small

NARROW = {
    "width": 3,
    "stem": 4,
    "first_blocks": 1,
    "first_features": 2,
    "blocks": 1,
    "modules": (1, 1, 1),
}


def test_sizes_round_up_and_widths_double():
    model = HRNet(**NARROW)
    image = jax.ShapeDtypeStruct((1, 65, 97, 3), jnp.float32)
    pyramid, _ = jax.eval_shape(
        lambda k, x: model.init_with_output(k, x), jax.random.key(0), image
    )
    shapes = [pyramid[f"c{i}"].shape[1:] for i in (2, 3, 4, 5)]
    assert shapes == [(17, 25, 3), (9, 13, 6), (5, 7, 12), (3, 4, 24)]


def test_exchange_without_the_other_branches_is_relu():
    """Cross-branch scales and shifts at zero leave ReLU(branch)."""
    random = np.random.default_rng(0)
    branches = [
        random.normal(size=(1, 8 // f, 8 // f, 3 * f)).astype(np.float32)
        for f in (1, 2, 4)
    ]
    module = ExchangeModule(blocks=0)
    init = jax.jit(lambda x: module.init(jax.random.key(0), x, train=False))
    variables = jax.device_get(init(branches))
    zero = jax.tree_util.tree_map_with_path(
        lambda path, x: x * 0 if path[-1].key in ("scale", "bias") else x, variables
    )
    compiled = jax.jit(lambda v, x: module.apply(v, x, train=False))
    apply = lambda v, x: jax.device_get(compiled(v, x))
    rectified = [np.maximum(branch, 0) for branch in branches]
    for out, want in zip(apply(zero, branches), rectified, strict=True):
        np.testing.assert_array_equal(out, want)
    full = apply(variables, branches)
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(full, rectified, strict=True))


def test_exchange_sums_fine_and_coarse_by_hand():
    """Two branches: y_0 = ReLU(x_0 + up(1x1 x_1)), against NumPy, nearest."""
    random = np.random.default_rng(1)
    fine, coarse = (
        random.normal(size=s).astype(np.float32) for s in ((1, 4, 4, 2), (1, 2, 2, 3))
    )
    module = ExchangeModule(blocks=0, method="nearest")

    @jax.jit
    def started(inputs):
        return module.init_with_output(jax.random.key(0), inputs, train=False)

    (out, _), variables = started([fine, coarse])
    kernel = np.asarray(variables["params"]["fuse0_1"]["conv"]["kernel"])[0, 0]
    moved = (coarse @ kernel / np.sqrt(1 + 1e-5)).repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(out, np.maximum(fine + moved, 0), atol=1e-5)


def test_unknown_small_version():
    with pytest.raises(ValueError, match="small_v1"):
        hrnet_small(19, version="small_v9")
