"""The epsilon of every normalization is its source's, or the source's can be set."""

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.norm import Norm

RESNET = {"width": 4, "blocks": (1, 1, 1, 1)}
SMALL = {"features": 16}
MOBILE = {"width": 0.25, **SMALL}
DENSE = {"layers": (1, 2, 2, 1), "growth": 4, "first": 8, "widths": (8, 4)}
TIRAMISU = {"layers": (1, 1, 1, 1, 1), "growth": 2, "stem": 4}
USUAL = {1e-5}
CASES = {  # name, options, the epsilons of the source
    "torchvision": ("deeplabv3_resnet50", RESNET | SMALL, USUAL),
    "semseg": ("pspnet_resnet50", RESNET | SMALL, USUAL),
    "denseaspp": ("denseaspp_densenet121", DENSE, USUAL),
    "deeplabv2": ("deeplabv2_resnet101", RESNET, USUAL),
    # torchvision's trunk has 1e-3, its head 1e-5
    "mobilenetv3": ("lraspp_mobilenetv3", MOBILE, {1e-3, 1e-5}),
    "mobilenetv2": ("deeplabv3_mobilenetv2", MOBILE, USUAL),
    # the closing norm of facebookresearch/GloRe's unit
    "glore": ("glore_resnet50", RESNET | SMALL, {1e-4, 1e-5}),
    "xception": (
        "deeplabv3plus_xception41",
        {"width": 1 / 16, "middle": 1, "features": 8, "low": 4},
        {1e-3, 1e-5},
    ),
    # these differ by default and say so; a style gives them the source's
    "duc": ("duc_hdc_resnet50", RESNET | {"style": BlockConfig(epsilon=1e-6)}, {1e-6}),
    "fc_densenet": (
        "fc_densenet56",
        TIRAMISU | {"style": BlockConfig(epsilon=1e-4)},
        {1e-4},
    ),
    "segnet": ("segnet", {"width": 4, "style": BlockConfig(epsilon=1e-9)}, {1e-9}),
    "deconvnet": (
        "deconvnet",
        {"width": 4, "fc_width": 8, "style": BlockConfig(epsilon=1e-9)},
        {1e-9},
    ),
}


def epsilons(model):
    found = set()

    def note(run, args, kwargs, context):
        layer = context.module
        if isinstance(layer, Norm):
            own = layer.epsilon
            found.add(layer.style.epsilon if own is None else own)
        return run(*args, **kwargs)

    with nn.intercept_methods(note):
        image = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
        jax.eval_shape(lambda x: model.init(jax.random.key(0), x, train=False), image)
    return found


@pytest.mark.parametrize("case", CASES)
def test_epsilons(case):
    name, options, want = CASES[case]
    assert epsilons(create_model(name, 3, **options)) == want
