"""Our variables as torch layers, and the comparison of whole networks built of them."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F


class Weights:
    """Our variables as torch layers, by path."""

    def __init__(self, variables):
        self.variables = variables

    def get(self, path, leaf, collection="params"):
        node = self.variables[collection]
        for name in path.split("/"):
            node = node[name]
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


def compare(
    model, variables, reference, size, channels=3, rtol=1e-4, seed=0, gradient=True
):
    """Asserts equal logits and equal gradients with respect to the image.

    Args:
        model: a jaxseg network.
        variables: its variables.
        reference: ``reference(Weights(variables), image) -> logits``, both NCHW.
        size: height and width of the image.
        channels: of the image.
        rtol: allowed difference of the logits, relative to the largest one.
        seed: of the image and of the projection whose gradient is compared.
        gradient: whether to compare it, at 5e-3 of its largest value.

    Returns:
        The largest difference of the logits, relative to the largest one.
    """
    random = np.random.default_rng(seed)
    image = random.normal(size=(2, *size, channels)).astype(np.float32)
    run = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])
    got, pull = jax.vjp(run, jnp.asarray(image)) if gradient else (run(image), None)
    x = torch.from_numpy(image.transpose(0, 3, 1, 2).copy()).requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        output = reference(Weights(variables), x).permute(0, 2, 3, 1)
    want = output.detach().numpy()
    assert want.shape == got.shape
    assert want.std() > 1e-3
    if gradient:
        weight = random.normal(size=got.shape).astype(np.float32)
        (output * torch.from_numpy(weight)).sum().backward()
        slope = x.grad.numpy().transpose(0, 2, 3, 1)
        _assert_close(pull(weight)[0], slope, 5e-3, f"gradient at {size}")
    return _assert_close(got, want, rtol, f"logits at {size}")


def _assert_close(got, want, rtol, name):
    """The largest difference relative to the largest value, at most `rtol`."""
    difference = np.abs(got - want).max() / np.abs(want).max()
    assert difference <= rtol, f"{name}: {difference:.1e} > {rtol:.0e}"
    return float(difference)
