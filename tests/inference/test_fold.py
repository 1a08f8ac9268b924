"""Folded networks give the same logits, with no normalization left to compute."""

import jax
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.inference.batch_norm_fusion import fuse_batch_norm
from jaxseg.nn.block_config import BlockConfig
from tests.contract.rows import ROWS, SEGMENTING
from tests.tiers import tiered

QUICK = ("hrnet_w18", "lraspp_mobilenetv3", "unet_fcn")


def norms(variables):
    """Number of normalizations that still have statistics."""
    leaves = jax.tree_util.tree_leaves_with_path(variables.get("batch_stats", {}))
    return sum(path[-1].key == "mean" for path, _ in leaves)


@pytest.mark.slow
@pytest.mark.parametrize("name", tiered(SEGMENTING, QUICK, QUICK))
def test_logits_stay_equal(name, fill):
    row = ROWS[name]
    model = create_model(name, 3, **row["narrow"])
    channels = row.get("channels", 3)
    shape = (2, *row.get("size", (48, 65)), channels)
    variables = fill(model, shape)
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    want = jax.jit(lambda v, x: model.apply(v, x, train=False)["logits"])
    folded = fuse_batch_norm(model, variables, channels=channels)
    got = jax.jit(lambda v, x: folded.apply(v, x)["logits"])
    want, got = want(variables, image), got(folded.variables, image)
    assert np.abs(got - want).max() <= 5e-5 * np.abs(want).max()
    assert norms(folded.variables) == norms(variables) - folded.count


def test_every_normalization_of_a_resnet_goes(fill):
    model = create_model("deeplabv3_resnet50", 3, width=4, blocks=(1, 1, 1, 1))
    variables = fill(model, (1, 64, 64, 3))
    before = np.array(
        variables["params"]["backbone"]["stem"]["conv1"]["conv"]["kernel"]
    )
    folded = fuse_batch_norm(model, variables)
    assert folded.count == norms(variables) > 20
    assert "batch_stats" not in folded.variables
    after = variables["params"]["backbone"]["stem"]["conv1"]["conv"]["kernel"]
    np.testing.assert_array_equal(before, after)


def test_normalization_before_the_convolution_stays(fill):
    """FC-DenseNet normalizes first: nothing to fold into."""
    model = create_model("fc_densenet56", 3, **ROWS["fc_densenet56"]["narrow"])
    variables = fill(model, (1, 64, 64, 3))
    folded = fuse_batch_norm(model, variables)
    assert folded.count == 0 and norms(folded.variables) == norms(variables)


def test_group_normalization_stays(fill):
    style = BlockConfig(norm="group", groups=2)
    model = create_model("unet_resnet18", 3, width=4, style=style)
    assert fuse_batch_norm(model, fill(model, (1, 64, 64, 3))).count == 0
