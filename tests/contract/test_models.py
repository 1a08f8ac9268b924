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
from jaxseg.nn.block_config import Style


def shapes_of(row, batch, size):
    """Shape of the labels, and those of the inputs: an image, or positions and features.

    A cloud has as many points as the image is high.
    """
    channels = row.get("channels", 3)
    if row.get("task") == "points":
        label = (batch, size[0])
        return label, [(*label, 3), (*label, channels)]
    return (batch, *size), [(batch, *size, channels)]


def outputs_and_shapes(model, shapes):
    """Shapes of the outputs and of the variables, without computing anything."""
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    inputs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    run = lambda key, *inputs: model.init_with_output(key, *inputs, train=False)
    return jax.eval_shape(run, key, *inputs)


def size_of(tree):
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def test_every_network_has_a_row(rows):
    assert set(rows) == set(MODELS)


def test_every_tiny_variant_exists(rows):
    covers = {row["same_as"] for row in rows.values() if "same_as" in row}
    assert all("narrow" in rows[name] for name in covers)
    assert all("narrow" in row or "same_as" in row for row in rows.values())


def test_exact_parameter_count_and_output_shapes(name, rows):
    row = rows[name]
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


def test_any_size_batch_classes_and_bfloat16(narrow_name, rows):
    name, row = narrow_name, rows[narrow_name]
    for batch, size, classes, dtype in (
        (2, (64, 64), 7, "float32"),
        (1, (65, 97), 2, "bfloat16"),
    ):
        label, inputs = shapes_of(row, batch, size)
        style = Style(dtype=dtype)
        model = create_model(name, classes, style=style, **row["narrow"])
        outputs, variables = outputs_and_shapes(model, inputs)
        check_outputs(outputs, label, classes)
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
        assert size_of(variables["params"]) < 500_000


@pytest.mark.slow
def test_gradient_reaches_every_parameter_and_traces_once(narrow_name, rows, fill):
    name, row = narrow_name, rows[narrow_name]
    make = lambda: create_model(name, 3, **row["narrow"])
    assert make() == make() and hash(make()) == hash(make())
    _, shapes = shapes_of(row, 2, row.get("size", (48, 48)))
    variables = fill(make(), *shapes)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    traces = []

    def gradients(model, variables, *inputs):
        traces.append(model)

        def loss(params):
            outputs, _ = model.apply(
                {**variables, "params": params},
                *inputs,
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": jax.random.key(0)},
            )
            return sum(projection(i, y) for i, y in enumerate(outputs.values()))

        return jax.grad(loss)(variables["params"])

    run = jax.jit(gradients, static_argnums=0)
    grads = run(make(), variables, *inputs)
    run(make(), variables, *inputs)
    assert len(traces) == 1
    dead = re.compile("|".join(row.get("dead", ("(?!)",))))
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        where = jax.tree_util.keystr(path, simple=True, separator="/")
        assert np.isfinite(leaf).all(), where
        assert np.abs(leaf).max() > 0 or dead.search(where), f"{where} gets no gradient"


def projection(i, y):
    """A random linear functional: no symmetry hides a missing gradient."""
    weights = np.random.default_rng(i).normal(size=y.shape).astype(np.float32)
    return jnp.mean(y.astype(jnp.float32) * weights)
