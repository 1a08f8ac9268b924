"""One contract for every network in `MODELS`, whoever wrote it.

A family describes its networks in `rows/<family>.py`: exact parameter count with its
source, and options of a tiny variant (or the name whose variant covers it).
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.models import MODELS
from jaxseg.nn.block_config import BlockConfig
from tests.contract.networks import shapes_of
from tests.contract.representatives import COMPILED
from tests.contract.rows import NARROW, ROWS
from tests.tiers import tiered


def outputs_and_shapes(model, shapes):
    """Shapes of the outputs and of the variables, without computing anything."""
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    inputs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    run = lambda key, *inputs: model.init_with_output(key, *inputs, train=False)
    return jax.eval_shape(run, key, *inputs)


def size_of(tree):
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def test_every_network_has_a_row():
    assert set(ROWS) == set(MODELS)


def test_every_tiny_variant_exists():
    covers = {row["same_as"] for row in ROWS.values() if "same_as" in row}
    assert covers <= set(NARROW)
    assert all("narrow" in row or "same_as" in row for row in ROWS.values())


# Of these networks, other tests count both parts: each has a head that another network
# here has as well, on a backbone that is counted here or in tests/models/test_atrous.py
# or tests/backbones/test_resnet.py.
PARTS_COUNTED = {
    "bayesian_segnet",
    "cspn_resnet50",
    "deeplabv2_resnet101",
    "deeplabv3_mobilenetv3",
    "deeplabv3plus_xception41",
    "deeplabv3plus_xception71",
    "drn_c58",
    "drn_d24",
    "fastfcn_fcn_resnet50",
    "fastfcn_psp_resnet50",
    "hrnet_w18",
    "upernet_resnet50",
    "upernet_swin_t",
}


# The other names differ from one of these in depth, width or backbone only.
@pytest.mark.parametrize("name", tiered(ROWS, set(NARROW) - PARTS_COUNTED))
def test_exact_parameter_count_and_output_shapes(name):
    row = ROWS[name]
    classes = row["classes"]
    model = create_model(name, classes)
    label, inputs = shapes_of(row, 1, (65, 97))
    outputs, variables = outputs_and_shapes(model, inputs)
    params = variables["params"]
    left_out = row.get("exclude", ())
    assert set(left_out) <= set(params)
    counted = {k: v for k, v in params.items() if k not in left_out}
    assert size_of(counted) == row["parameters"], row["source"]
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    check_outputs(outputs, label, classes)


def check_outputs(outputs, shape, classes):
    assert outputs["logits"].shape == (*shape, classes)
    for key, value in outputs.items():
        assert re.fullmatch("logits|aux.*|edge.*|extra_.*", key), key
        if key == "logits" or key.startswith("aux"):
            assert value.dtype == jnp.float32, key
        if key.startswith("aux"):
            assert value.shape == (*shape, classes), key


@pytest.mark.parametrize("name", tiered(NARROW, COMPILED))
def test_an_even_size_a_batch_other_classes_and_bfloat16(name):
    """The counts above are those of one image of an odd size, in float32."""
    row, classes = ROWS[name], 7
    label, inputs = shapes_of(row, 2, (64, 64))
    style = BlockConfig(dtype="bfloat16")
    model = create_model(name, classes, style=style, **row["narrow"])
    outputs, variables = outputs_and_shapes(model, inputs)
    check_outputs(outputs, label, classes)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
    assert size_of(variables["params"]) < 500_000
