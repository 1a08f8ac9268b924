"""Measures how long the programs of the benchmark's networks take to compile.

    python -m experiments.compile.measure --results experiments/compile/results.jsonl

For each network, a new process traces, lowers and compiles the forward pass of one
image, and another one the training step of two images. The programs and the sizes are
those of `jaxseg bench`, on shapes without data. The times are CPU seconds (user and
system, of all threads), because they are comparable even if other programs run. JAX's
persistent cache is off. With `--warm`, the program is then compiled twice more with a
new persistent cache, and the second of these times is added: it is the time of a
process that finds its program in the cache. `--tpu v5e:2x2` compiles for one chip of
that slice instead, which needs `pip install 'jaxseg[plan]'`.
"""

import argparse
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import optax

from jaxseg.bench.networks import GPU_ONLY, NETWORKS
from jaxseg.config import LossConfig
from jaxseg.losses import build_objective
from jaxseg.models import create_model
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line
from jaxseg.training.step.state import TrainState
from jaxseg.training.step.steps import train_step
from jaxseg.weights.model_variables import variable_shapes

# The networks with a counterpart in PyTorch, and the deepest ResNet.
ENTRIES = [e for e in (*NETWORKS, GPU_ONLY[0]) if e.peer is not None]
CLASSES = 21
PROGRAMS = ("forward", "step")
SHAPE = jax.ShapeDtypeStruct


def forward(model, variables, size):
    """Returns the forward pass of one image and the shapes of its arguments."""
    apply = jax.jit(lambda v, x: model.apply(v, x, train=False)["logits"])
    return apply, (variables, SHAPE((1, size, size, 3), jnp.float32))


def step(model, variables, size):
    """Returns the training step of two images and the shapes of its arguments."""
    tx, params = optax.sgd(1e-3, 0.9), variables["params"]
    state = TrainState(
        step=SHAPE((), jnp.int32),
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=jax.eval_shape(tx.init, params),
        ema=None,
        rng=jax.eval_shape(lambda: jax.random.key(0)),
    )
    loss = build_objective(LossConfig())
    alone = lambda outputs, batch: loss({"logits": outputs["logits"]}, batch)
    run = functools.partial(train_step, model=model, tx=tx, loss_fn=alone)
    batch = {
        "image": SHAPE((2, size, size, 3), jnp.float32),
        "label": SHAPE((2, size, size), jnp.int32),
    }
    return jax.jit(run, donate_argnums=0), (state, batch)


def chip(slice_name):
    """Returns one described chip of a slice such as v5e:2x2."""
    from jaxseg.plan.topology import described

    return described(slice_name).devices[0]


def seconds():
    """Returns the CPU seconds of this process so far."""
    times = os.times()
    return times.user + times.system


def measured(name, program, tpu, warm):
    """Compiles one program of a network; returns its record."""
    jax.config.update("jax_enable_compilation_cache", False)
    entry = next(e for e in ENTRIES if e.name == name)
    model = create_model(name, CLASSES, **entry.ours(entry.size))
    build = {"forward": forward, "step": step}[program]
    run, arguments = build(model, variable_shapes(model), entry.size)
    if tpu:
        place = jax.sharding.SingleDeviceSharding(chip(tpu))
        arguments = jax.tree.map(
            lambda s: SHAPE(s.shape, s.dtype, sharding=place), arguments
        )
    else:  # The first compilation of a process also starts XLA.
        jax.jit(lambda x: x + 1).lower(SHAPE((), jnp.float32)).compile()
    marks = [seconds()]
    traced = run.trace(*arguments)
    marks.append(seconds())
    lowered = traced.lower()
    marks.append(seconds())
    compiled = lowered.compile()
    marks.append(seconds())
    parts = [round(b - a, 2) for a, b in itertools.pairwise(marks)]
    text = compiled.as_text()
    entered = text[text.index("\nENTRY") :]
    found = dict(zip(("trace", "lower", "compile"), parts, strict=True))
    found |= {
        "lowered_lines": lowered.as_text().count("\n"),
        "instructions": len(re.findall(r"^ +(?:ROOT )?%?\S+ = ", text, re.M)),
        "fusions": len(re.findall(r" fusion\(", entered)),
        "temp_bytes": compiled.memory_analysis().temp_size_in_bytes,
    }
    return found | ({"warm": cached(run, arguments)} if warm else {})


def cached(run, arguments):
    """Returns the CPU seconds of a start that finds its program in the cache."""
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    with tempfile.TemporaryDirectory() as folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        for _ in range(2):
            jax.clear_caches()
            start = seconds()
            run.lower(*arguments).compile()
            spent = seconds() - start
    return round(spent, 2)


def main():
    """Measures the programs one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=[e.name for e in ENTRIES])
    parser.add_argument("--programs", nargs="+", default=PROGRAMS, choices=PROGRAMS)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--tpu", help="a slice, such as v5e:2x2")
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--label", default="", help="a word for the record")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        options = (given.networks[0], given.programs[0], given.tpu, given.warm)
        print(json.dumps(measured(*options)))
        return
    facts = {"label": given.label, "commit": commit(short=True)}
    facts |= {"versions": versions(), "hardware": machine()}
    for program in given.programs:
        for name in given.networks:
            command = [sys.executable, "-m", "experiments.compile.measure", "--here"]
            command += ["--networks", name, "--programs", program, "--results", "-"]
            command += ["--tpu", given.tpu] if given.tpu else []
            command += ["--warm"] if given.warm else []
            out = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
            row = {"network": name, "program": program, "device": given.tpu or "cpu"}
            row |= json.loads(out.splitlines()[-1])
            shown = " ".join(command[1:3] + command[4:8])
            append_line(given.results, row | facts | {"command": f"python {shown}"})
            print(row, flush=True)


if __name__ == "__main__":
    main()
