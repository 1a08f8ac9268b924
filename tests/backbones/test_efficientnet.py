"""Exact parameter counts of the published sizes of EfficientNet."""

import jax
import numpy as np
import pytest

from jaxseg.backbones.catalog import BACKBONES

IMAGE = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
COUNTS = {  # of the ImageNet classifiers of timm 1.0.31, built and counted
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
}


def classifier_size(name):
    """The parameters of the backbone, its last convolution and 1,000 classes."""
    backbone = BACKBONES[name].create(last=True)
    run = lambda image: backbone.init_with_output(jax.random.key(0), image, train=False)
    pyramid, variables = jax.eval_shape(run, IMAGE)
    leaves = jax.tree.leaves(variables["params"])
    return sum(leaf.size for leaf in leaves) + 1000 * (pyramid["c5"].shape[-1] + 1)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name.endswith("lite0") else [pytest.mark.sweep])
        for name in COUNTS
    ],
)
def test_parameter_counts(name):
    assert classifier_size(name) == COUNTS[name]
