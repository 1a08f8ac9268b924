"""Networks in training mode: outputs, gradients and moved statistics of both sides.

Batch norm takes the statistics of the batch and has one momentum on both sides; dropout
is off, because the libraries draw other masks.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen as nn

from jaxseg.weights.translate.convert import convert, flatten
from tests.parity import peers

FLOOR = 1e-4  # of the network's largest gradient: below it a leaf holds rounding only
# PyTorch's own float32 gradients of these networks differ from its float64 ones by up to
# 8e-3, because values within rounding of a ReLU's kink fall on its other side.
GRADIENT = 2e-2


def compare(
    model, net, rules, *, size=(64, 64), run=peers.forward, label="", rtol=1e-4
):
    """Asserts equal outputs, gradients and running means after one training pass.

    The gradient is that of a projection of all outputs, with respect to every
    parameter; the table of rules carries it from one side to the other. The weights of
    the projection are constant over quarters of an image: with independent ones the
    gradient is a sum of noise, in which one value that rounds to the other side of a
    ReLU's kink shows.

    Args:
        model: a jaxseg module with outputs NHWC by name.
        net: the reference, already randomized.
        rules: the import table.
        size: height and width of the images, four of them.
        run: ``run(net, x) -> {name: NCHW tensor}``.
        label: ``"source: network"`` for the printed table.
        rtol: allowed difference of an output, relative to its largest value; running
            means may differ by twenty times as much. Gradients may differ by `GRADIENT`
            in the root mean square of each parameter.
    """
    random = np.random.default_rng(0)
    image = random.normal(size=(4, *size, 3)).astype(np.float32)
    variables = peers.import_from(net, model, rules, size)
    variables = jax.tree.map(np.array, variables)  # torch moves its statistics in place
    want, weights, after = _reference(net, image, run, random)
    got, moved, gradient = _ours(model, variables, image, weights)
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    init = functools.partial(model.init, train=False)
    wanted = convert(after, rules, jax.eval_shape(init, jax.random.key(0), image))
    outputs = max(_gap(got[name], want[name], name, rtol) for name in want)
    slopes = gradient_gap(gradient, wanted["params"])
    before, last = (tree.get("batch_stats", {}) for tree in (variables, wanted))
    _check_means(before, moved, last, 20 * rtol)
    source, _, kind = label.partition(": ")
    peers.TRAINING.append((source, kind, outputs, slopes))


def _reference(net, image, run, random):
    """Outputs NHWC, the weights of their projection, and the state after the pass.

    In that state every parameter is replaced by its gradient.
    """
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.eval()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.1  # 0.9 here, for the whole network
    net.zero_grad()
    outputs = run(net, torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    weights = {name: _quarters(random, y.shape) for name, y in outputs.items()}
    sum(
        (y * torch.from_numpy(weights[name])).sum() for name, y in outputs.items()
    ).backward()
    state = peers.state_dict(net)
    for name, parameter in net.named_parameters():
        slope = parameter.grad
        state[name] = np.zeros_like(state[name]) if slope is None else slope.numpy()
    last = {name: _nhwc(y.detach().numpy()) for name, y in outputs.items()}
    return last, {name: _nhwc(w) for name, w in weights.items()}, state


def _quarters(random, shape):
    """Weights [B, C, H, W] that are constant over the four quarters of a map."""
    batch, channels, height, width = shape
    corners = random.normal(size=(batch, channels, 2, 2)).astype(np.float32)
    rows, columns = (np.arange(n) * 2 // n for n in (height, width))
    return corners[:, :, rows[:, None], columns] / np.prod(shape)


def _nhwc(array):
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def _ours(model, variables, image, weights):
    """Outputs, moved statistics and the gradient of every parameter."""
    fixed = {k: v for k, v in variables.items() if k != "params"}

    def loss(params):
        everything = {"params": params, **fixed}
        outputs, moved = model.apply(
            everything, jnp.asarray(image), train=True, mutable=["batch_stats"]
        )
        total = sum((outputs[name] * w).sum() for name, w in weights.items())
        return total, (outputs, moved)

    with nn.intercept_methods(_without_dropout):
        run = jax.jit(jax.value_and_grad(loss, has_aux=True))
        (_, (outputs, moved)), gradient = run(variables["params"])
    return jax.device_get((outputs, moved.get("batch_stats", {}), gradient))


def _without_dropout(run, args, kwargs, context):
    if isinstance(context.module, nn.Dropout):
        return args[0]
    return run(*args, **kwargs)


def _gap(got, want, name, rtol):
    """The largest difference relative to the largest value, at most `rtol`."""
    assert got.shape == want.shape, name
    assert want.std() > 0, f"{name} is constant"
    gap = float(np.abs(got - want).max() / np.abs(want).max())
    assert gap <= rtol, f"{name}: {gap:.1e} > {rtol:.0e}"
    return gap


def gradient_gap(got, want, rtol=GRADIENT):
    """The largest difference of a parameter's gradient, in root mean squares.

    A flipped ReLU changes single entries much, hence the mean. Parameters without an influence, such as a bias in front of batch
    norm, hold rounding errors only and are compared with the network's largest.
    """
    got, want = flatten(got), flatten(want)
    assert got.keys() == want.keys()
    floor = FLOOR * max(_size(leaf) for leaf in want.values())
    assert floor > 0
    gaps = {
        path: _size(got[path] - leaf) / max(_size(leaf), floor)
        for path, leaf in want.items()
    }
    worst = max(gaps, key=gaps.get)
    assert gaps[worst] <= rtol, f"gradient of {worst}: {gaps[worst]:.1e} > {rtol:.0e}"
    return gaps[worst]


def _size(array):
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def _check_means(before, got, want, rtol):
    """Running means moved alike; variances do not: PyTorch stores unbiased ones.

    A mean that did not move there belongs to a layer that nothing reads, which the
    library leaves out.
    """
    before, got, want = flatten(before), flatten(got), flatten(want)
    means = [path for path in want if path.endswith("/mean")]
    used = [path for path in means if not np.array_equal(before[path], want[path])]
    assert used or not means
    for path in used:
        _gap(got[path], want[path], path, rtol)
