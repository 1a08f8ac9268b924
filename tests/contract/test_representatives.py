"""The networks that the default suite takes hold what all networks are made of."""

import functools
import re

import jax
import numpy as np
import pytest

from tests.contract.networks import narrow_model, shapes_of
from tests.contract.representatives import COMPILED, WIRINGS
from tests.contract.rows import NARROW, ROWS, SEGMENTING

WINDOWS = ("window_dimensions", "window_strides")


@functools.cache
def traced(name):
    """The outputs and the gradient of a tiny variant in training mode, as a jaxpr."""
    model, row = narrow_model(name), ROWS[name]
    _, shapes = shapes_of(row, 2, row.get("size", (48, 48)))
    inputs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    init = functools.partial(model.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), *inputs)

    def loss(params, rest, inputs):
        outputs, _ = model.apply(
            {**rest, "params": params},
            *inputs,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(0)},
        )
        return sum((y**2).sum() for y in outputs.values()), outputs

    gradient = jax.make_jaxpr(jax.grad(loss, has_aux=True), return_shape=True)
    jaxpr, (_, outputs) = gradient(variables["params"], variables, inputs)
    return jaxpr, outputs, variables


def operators(jaxpr):
    """Every primitive with what decides how it is computed, inner programs included."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name, form(equation.primitive.name, equation.params)
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
        ):
            if hasattr(value := getattr(value, "jaxpr", value), "eqns"):
                yield from operators(value)


def form(name, parameters):
    """Strided or not, atrous or not, depthwise or grouped or neither; the window."""
    if name == "conv_general_dilated":
        return (
            max(parameters["window_strides"]) > 1,
            max(parameters["lhs_dilation"]) > 1,
            max(parameters["rhs_dilation"]) > 1,
            parameters["feature_group_count"] > 1,
        )
    return tuple(parameters[key] for key in WINDOWS if key in parameters)


def signature(name):
    """What the commands see of a network: outputs, collections, channels, losses."""
    _, outputs, variables = traced(name)
    kinds = {re.sub(r"^(aux).*", r"\1", key) for key in outputs}
    row = ROWS[name]
    losses = tuple(sorted(row.get("loss", {})))
    return frozenset(kinds), frozenset(variables), row.get("channels", 3), losses


@pytest.mark.sweep
def test_every_operator_of_every_network_is_in_a_representative():
    found = {name: set(operators(traced(name)[0].jaxpr)) for name in NARROW}
    held = set().union(*(found[name] for name in COMPILED | WIRINGS.keys()))
    assert {n: found[n] - held for n in NARROW if found[n] - held} == {}


@pytest.mark.sweep
def test_every_wiring_is_run_through_the_commands():
    held = {signature(name) for name in WIRINGS}
    assert [name for name in SEGMENTING if signature(name) not in held] == []
