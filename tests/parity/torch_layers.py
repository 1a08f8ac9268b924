"""Our variables as torch layers, and the comparison of whole networks built of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

torch.set_num_threads(1)  # Waiting threads take time from the other test processes.


class Weights:
    """Our variables as torch layers, by path."""

    def __init__(self, variables):
        self.variables = variables

    def node(self, path, collection="params"):
        node = self.variables[collection]
        for name in path.split("/"):
            node = node[name]
        return node

    def get(self, path, leaf, collection="params"):
        node = self.node(path, collection)
        return torch.from_numpy(np.array(node[leaf])) if leaf in node else None

    def conv(self, x, path, padding=0, **options):
        kernel = self.get(path, "kernel").permute(3, 2, 0, 1)
        return F.conv2d(x, kernel, self.get(path, "bias"), padding=padding, **options)

    def up(self, x, path, stride):
        kernel = self.get(path, "kernel").permute(2, 3, 0, 1)
        return F.conv_transpose2d(x, kernel, self.get(path, "bias"), stride)

    def norm(self, x, path, eps=1e-5):
        statistics = [self.get(path, leaf, "batch_stats") for leaf in ("mean", "var")]
        affine = [self.get(path, leaf) for leaf in ("scale", "bias")]
        return F.batch_norm(x, *statistics, *affine, eps=eps)

    def block(self, x, path, padding=1, act=True, eps=1e-5, **options):
        x = self.conv(x, f"{path}/conv", padding, **options)
        x = self.norm(x, f"{path}/norm", eps)
        return x.relu() if act else x

    def linear(self, x, path):
        return x @ self.get(path, "kernel") + self.get(path, "bias")

    def layer_norm(self, x, path, eps=1e-6):
        affine = [self.get(path, leaf) for leaf in ("scale", "bias")]
        return F.layer_norm(x, x.shape[-1:], *affine, eps=eps)

    def bottleneck(self, x, path, stride=1, rate=1, first="conv2", eps=1e-5):
        """A projected unit of ResNet, its stride in the convolution named `first`."""
        strides = {name: stride if name == first else 1 for name in ("conv1", "conv2")}
        y = self.block(x, f"{path}/conv1", 0, eps=eps, stride=strides["conv1"])
        options = {"stride": strides["conv2"], "dilation": rate}
        y = self.block(y, f"{path}/conv2", rate, eps=eps, **options)
        y = self.block(y, f"{path}/conv3", 0, False, eps)
        if "downsample" in self.node(path):
            path = f"{path}/downsample/proj"
            x = self.block(x, path, 0, False, eps, stride=stride)
        return (x + y).relu()


def compare(
    model, variables, reference, size, channels=3, rtol=1e-4, seed=0, gradient=True
):
    """Asserts equal outputs and equal gradients with respect to the image.

    Args:
        model: a jaxseg network.
        variables: its variables.
        reference: ``reference(Weights(variables), image) -> logits``, both NCHW, or
            several outputs by name.
        size: height and width of the image.
        channels: of the image.
        rtol: allowed difference of an output, relative to its largest value.
        seed: of the image and of the projection whose gradient is compared.
        gradient: whether to compare that of the logits, at 5e-3 of its largest value.

    Returns:
        The largest difference of an output, relative to its largest value.
    """
    random = np.random.default_rng(seed)
    image = random.normal(size=(2, *size, channels)).astype(np.float32)
    x = torch.from_numpy(image.transpose(0, 3, 1, 2).copy()).requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        wanted = reference(Weights(variables), x)
    if isinstance(wanted, torch.Tensor):
        wanted = {"logits": wanted}
    wanted = {name: y.permute(0, 2, 3, 1) for name, y in wanted.items()}
    weight = None
    if gradient:
        weight = random.normal(size=wanted["logits"].shape).astype(np.float32)
        (wanted["logits"] * torch.from_numpy(weight)).sum().backward()
    got, ours = jax.jit(functools.partial(_run, model))(variables, image, weight)
    if gradient:
        slope = x.grad.numpy().transpose(0, 2, 3, 1)
        _assert_close(ours, slope, 5e-3, f"gradient at {size}")
    gaps = [
        _assert_close(got[name], y.detach().numpy(), rtol, f"{name} at {size}")
        for name, y in wanted.items()
    ]
    return max(gaps)


def _run(model, variables, image, weight):
    """The outputs, and the gradient of the projection of the logits on `weight`.

    Both come from one program, because compilation takes most of the time.
    """
    apply = functools.partial(model.apply, variables, train=False)
    if weight is None:
        return apply(image), None
    outputs, pull = jax.vjp(apply, image)
    others = {k: jnp.zeros_like(v) for k, v in outputs.items() if k != "logits"}
    return outputs, pull({"logits": weight, **others})[0]


def _assert_close(got, want, rtol, name):
    """The largest difference relative to the largest value, at most `rtol`."""
    assert want.shape == got.shape, name
    assert want.std() > 1e-3 * np.abs(want).max(), f"{name} is constant"
    difference = np.abs(got - want).max() / np.abs(want).max()
    assert difference <= rtol, f"{name}: {difference:.1e} > {rtol:.0e}"
    return float(difference)
