"""Compares networks of `jaxseg.nnx` with their linen form, call by call.

    python experiments/nnx/measure.py deeplabv3plus_resnet50 --image 2 257 257 3
    python experiments/nnx/measure.py deeplabv3plus_resnet50 --image 1 33 33 3

Both forms start with the same variables. The forward pass is compiled by nnx and by
`jax.jit`; the training step is one of `nnx.Optimizer` and one of optax (SGD with
momentum). Three forms of nnx are measured: `nnx.jit_partial`, to which the network is
bound (partial); `nnx.jit` with `graph=False`, which does not return the arrays that did
not change (tree); and `nnx.jit` in its default form (graph). Each pair calls both forms
one after the other, in alternating order, and waits for the results. One line of JSON
per comparison goes to the standard output.

The ratio is the median over the pairs. CPU time is measured as well, because it is
comparable even if other programs run. With a small image, the difference of the times
shows what Python does in each call, which does not depend on the image.
"""

import argparse
import itertools
import json
import os
import platform
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import jaxseg
from jaxseg.losses import cross_entropy
from jaxseg.runs.provenance import commit, versions

MODES = ("partial", "tree", "graph")
CLASSES, TX = 21, optax.sgd(1e-3, momentum=0.9)


def mean_loss(outputs, label):
    """Returns the mean cross entropy of the labeled pixels."""
    value, weight = cross_entropy(outputs["logits"], label, void=255)
    return (value * weight).sum() / weight.sum()


def linen_calls(model, variables, image, label):
    """Returns the compiled forward pass and the compiled step in linen, by name."""
    state = [variables["params"], variables["batch_stats"]]
    state.append(TX.init(variables["params"]))

    @jax.jit
    def forward(variables, image):
        return model.apply(variables, image, train=False)["logits"]

    @jax.jit
    def step(params, stats, optimizer, image, label):
        def loss(params):
            outputs, updated = model.apply(
                {"params": params, "batch_stats": stats},
                image,
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": jax.random.key(0)},
            )
            return mean_loss(outputs, label), updated["batch_stats"]

        (value, stats), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        updates, optimizer = TX.update(gradients, optimizer, params)
        return optax.apply_updates(params, updates), stats, optimizer, value

    def train():
        *state[:], value = step(*state, image, label)
        return value

    return {"forward": lambda: forward(variables, image), "step": train}


def nnx_calls(model, variables, image, label, *, mode):
    """Returns the compiled forward pass and the compiled step in nnx, by name."""
    network = jaxseg.nnx.from_linen(model, variables, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(network, TX, wrt=nnx.Param)

    def forward(network, image):
        return network(image)["logits"]

    def step(network, optimizer, image, label):
        def loss(network):
            return mean_loss(network(image, train=True), label)

        value, gradients = nnx.value_and_grad(loss)(network)
        optimizer.update(network, gradients)
        return value

    evaluated = jaxseg.nnx.from_linen(model, variables)
    if mode == "partial":
        forward = nnx.jit_partial(forward, evaluated, graph=False)
        step = nnx.jit_partial(step, network, optimizer, graph=False)
        return {"forward": lambda: forward(image), "step": lambda: step(image, label)}
    forward, step = (nnx.jit(call, graph=mode == "graph") for call in (forward, step))
    return {
        "forward": lambda: forward(evaluated, image),
        "step": lambda: step(network, optimizer, image, label),
    }


def seconds(call):
    """Returns the wall time and the CPU time of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(call())
    return time.perf_counter() - wall, time.process_time() - cpu


def compared(linen, module, pairs):
    """Returns the ratios and differences of the times of two calls, nnx to linen."""
    for call in (linen, module, linen, module):
        seconds(call)
    times = np.empty((pairs, 2, 2))  # pair; linen, nnx; wall, CPU
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 else (1, 0):
            times[pair, side] = seconds((linen, module)[side])
    found = {}
    for column, kind in enumerate(("wall", "cpu")):
        first, second = times[:, 0, column], times[:, 1, column]
        found[f"linen_{kind}_ms"] = round(1e3 * np.median(first), 2)
        found[f"added_{kind}_ms"] = round(1e3 * np.median(second - first), 2)
        low, middle, high = np.quantile(medians(second / first), (0.025, 0.5, 0.975))
        found[f"ratio_{kind}"] = round(middle, 4)
        found[f"interval_{kind}"] = [round(low, 4), round(high, 4)]
    return found


def medians(ratios, draws=2000):
    """Returns the medians of bootstrap samples of the ratios."""
    rng = np.random.default_rng(0)
    return np.median(rng.choice(ratios, (draws, len(ratios))), axis=1)


def main():
    """Measures one network and prints the records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("--image", type=int, nargs=4, default=[2, 257, 257, 3])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--modes", nargs="+", default=MODES)
    options = parser.parse_args()
    model = jaxseg.create_model(options.network, CLASSES)
    image = jax.random.normal(jax.random.key(1), options.image)
    label = jnp.zeros(options.image[:3], jnp.int32)
    init = jax.jit(lambda key: model.init(key, image, train=False))
    variables = init(jax.random.key(0))
    arguments = model, variables, image, label
    linen = linen_calls(*arguments)
    for mode, call in itertools.product(options.modes, ("forward", "step")):
        module = nnx_calls(*arguments, mode=mode)
        record = {
            "network": options.network,
            "arrays": len(jax.tree.leaves(variables)),
            "image": options.image,
            "call": call,
            "mode": mode,
            "pairs": options.pairs,
            **compared(linen[call], module[call], options.pairs),
            "commit": commit(short=True),
            "seed": 0,
            "versions": versions(),
            "hardware": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        }
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
