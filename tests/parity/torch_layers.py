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

    def norm(self, x, path):
        statistics = [self.get(path, leaf, "batch_stats") for leaf in ("mean", "var")]
        affine = [self.get(path, leaf) for leaf in ("scale", "bias")]
        return F.batch_norm(x, *statistics, *affine, eps=1e-5)

    def block(self, x, path, padding=1, act=True):
        x = self.norm(self.conv(x, f"{path}/conv", padding), f"{path}/norm")
        return x.relu() if act else x


def compare(model, variables, reference, size, channels=3, rtol=2e-4, seed=0):
    random = np.random.default_rng(seed)
    image = random.normal(size=(2, *size, channels)).astype(np.float32)
    run = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])
    got, pull = jax.vjp(run, jnp.asarray(image))
    weight = random.normal(size=got.shape).astype(np.float32)
    x = torch.from_numpy(image.transpose(0, 3, 1, 2).copy()).requires_grad_()
    want = reference(Weights(variables), x).permute(0, 2, 3, 1)
    assert tuple(want.shape) == got.shape
    (want * torch.from_numpy(weight)).sum().backward()
    want = want.detach().numpy()
    assert want.std() > 1e-3
    np.testing.assert_allclose(got, want, rtol=0, atol=rtol * np.abs(want).max())
    slope = x.grad.numpy().transpose(0, 2, 3, 1)
    (ours,) = pull(weight)
    np.testing.assert_allclose(ours, slope, rtol=0, atol=5e-3 * np.abs(slope).max())
