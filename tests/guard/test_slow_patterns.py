"""No network's training step compiles to a form that is known to be slow.

Read from the compiled program's text, so that no clock is needed: XLA's passes over the
program run even where code generation is cheap, as in this suite. Maps are large, as
shapes cost nothing here and some forms depend on them.
"""

import importlib.util
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.analysis.hlo import program_text as hlo
from jaxseg.nn.block_config import Style

SIZE = (257, 289)
CONTRACT = pathlib.Path(__file__).parents[1] / "contract" / "conftest.py"
# Every operator in every form that a network uses: transposed and atrous kernels even
# and odd, padding beyond "same", groups, depthwise at strides and rates, the poolings,
# unpooling, resizing under both rules, shuffles, recurrences, attention.
COVERING = {
    "bisenet_resnet18",
    "deconvnet",
    "deeplabv1_vgg16",
    "deeplabv1_vgg16_4x4",
    "deeplabv3_resnet50",
    "deeplabv3plus_mobilenetv2",
    "drn_d22",
    "duc_hdc_resnet50",
    "fc_densenet56",
    "fcn32s_alexnet",
    "fcn8s_vgg16",
    "reseg",
    "segnet",
    "setr_naive_vitl16",
    "spn",
    "unet",
    "unet_fcn",
    "unet_valid",
}
# {network: {pattern: how many}}, each with what it costs.
KNOWN = {
    # The 7x7 layers meet maps of at most 7 pixels: XLA takes the smaller of map and
    # kernel as the kernel. Both run in its matrix routine, 1.3 and 2.2 times a product.
    "deconvnet": {"reversed kernel": 2},
}


def contract_rows():
    spec = importlib.util.spec_from_file_location("contract_conftest", CONTRACT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ROWS


ROWS = contract_rows()
NETWORKS = [
    pytest.param(name, marks=() if name in COVERING else pytest.mark.slow)
    for name in sorted(ROWS)
    if "narrow" in ROWS[name] and ROWS[name].get("task") not in ("generator", "points")
]


def gradient_program(name, impl="auto"):
    """The text of a narrow variant's compiled gradient in training."""
    row = ROWS[name]
    model = create_model(name, 3, style=Style(impl=impl), **row["narrow"])
    image = jax.ShapeDtypeStruct((2, *SIZE, row.get("channels", 3)), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    shapes = jax.eval_shape(lambda k, x: model.init(k, x, train=False), key, image)
    rest = {name: value for name, value in shapes.items() if name != "params"}

    def loss(params, rest, image):
        outputs, _ = model.apply(
            {"params": params, **rest},
            image,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(0)},
        )
        return sum(jnp.sum(y.astype(jnp.float32) ** 2) for y in outputs.values())

    program = jax.jit(jax.grad(loss)).lower(shapes["params"], rest, image)
    return program.compile().as_text()


@pytest.mark.parametrize("name", NETWORKS)
def test_training_step_holds_no_slow_pattern(name):
    found = hlo.slow_patterns(gradient_program(name))
    told = {k: [line.source for line in lines] for k, lines in found.items()}
    counts = {pattern: len(lines) for pattern, lines in found.items()}
    assert counts == KNOWN.get(name, {}), told


def test_the_covering_set_exists():
    assert {name for name in ROWS if "narrow" in ROWS[name]} >= COVERING | KNOWN.keys()


def test_the_plain_formulation_is_caught():
    """What the guard is for: U-Net's pooling and up-convolutions as XLA has them."""
    found = hlo.slow_patterns(gradient_program("unet", impl="lax"))
    assert found.keys() == {"select-and-scatter", "reversed kernel"}


def test_grouped_weight_gradients_are_caught_in_cheap_programs():
    from jaxseg.ops.conv import conv

    def text(impl):
        loss = lambda x, k: jnp.sum(conv(x, k, padding=1, groups=8, impl=impl) ** 2)
        x = jax.ShapeDtypeStruct((2, 33, 33, 32), jnp.float32)
        kernel = jax.ShapeDtypeStruct((3, 3, 4, 32), jnp.float32)
        return jax.jit(jax.grad(loss, 1)).lower(x, kernel).compile().as_text()

    assert "five dimensions" in hlo.slow_patterns(text("lax"))
    assert hlo.slow_patterns(text("auto")) == {}


def test_convolutions_in_a_loop_have_the_order_of_the_fast_routines():
    """XLA's CPU backend reorders axes in the main program alone."""
    from jaxseg.ops.conv import conv

    def orders(impl):
        def loss(kernel, x):
            x = jnp.sin(conv(x, kernel, padding=1, impl=impl))
            return jnp.sum(conv(x, kernel, stride=2, padding=1, impl=impl) ** 2)

        def total(kernel, xs):
            add = lambda total, x: (total + jax.grad(loss)(kernel, x), None)
            return jax.lax.scan(add, jnp.zeros_like(kernel), xs)[0]

        kernel = jax.ShapeDtypeStruct((3, 3, 8, 8), jnp.float32)
        xs = jax.ShapeDtypeStruct((4, 2, 17, 17, 8), jnp.float32)
        text = jax.jit(total).lower(kernel, xs).compile().as_text()
        assert " while(" in text
        return {one.labels for one in hlo.convolutions(text)}

    assert "f01b_i01o->01bf" in orders("lax")
    assert orders("auto") == {"b01f_01io->b01f"}


class Chain(nn.Module):
    """Units in a row, `unit(name)` each."""

    unit: Callable[[str], nn.Module]
    count: int

    @nn.compact
    def __call__(self, x):
        for i in range(self.count):
            x = self.unit(f"unit{i}")(x, train=False)
        return x


def most_operands(model, x, gradient=False):
    """Of the fusions of a compiled forward pass, or of its gradient."""
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    run = lambda variables, x: jnp.sum(model.apply(variables, x) ** 2)
    run = jax.grad(run) if gradient else model.apply
    text = jax.jit(run).lower(variables, x).compile().as_text()
    fused = [i for i in hlo.instructions(text) if i.opcode == "fusion"]
    return max(len(i.operands) for i in fused)


def test_residual_units_are_not_computed_anew_behind_them():
    """The sum of three units in a row is three sums, each read by the next."""
    from jaxseg.nn.residual import BasicBlock

    model = Chain(lambda name: BasicBlock(8, name=name), 3)
    # at most the unit's input, a convolution and its four vectors
    assert most_operands(model, jnp.zeros((1, 17, 17, 8))) <= 6


def test_the_residual_stream_is_not_computed_anew_in_either_direction():
    """Gradients of a transformer's layers, as the sums of a stream that splits."""
    from jaxseg.nn.transformer import TransformerBlock

    model = Chain(lambda name: TransformerBlock(2, name=name), 4)
    # 65 where the stream is computed anew; a layer's own are 10
    assert most_operands(model, jnp.zeros((1, 33, 16)), gradient=True) <= 12
