"""Lists the operators that `jaxseg bench` times, each with its PyTorch equivalent.

The shapes come from the networks: ResNet's 1x1 and 3x3 layers at output strides 8 and
16, ASPP, separable layers of Xception and MobileNet, upsampling of FCN and U-Net, and
SegNet's pooling. JAX gets images in the layout NHWC and kernels in HWIO; PyTorch gets
images in the memory format channels_last and kernels in OIHW.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.losses import cross_entropy
from jaxseg.metrics import confusion
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import adaptive_avg_pool, max_pool, max_pool_argmax
from jaxseg.ops.resize import resize
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import max_unpool

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Case:
    """Describes an operator, with the size at which it is timed.

    Attributes:
      name: The name in the table.
      ours: The jaxseg operator. It maps JAX arrays (NHWC) to a JAX array.
      theirs: The PyTorch operator. It maps (torch, torch.nn.functional, tensors) to a
        tensor (NCHW).
      image: The shape of the input [B, H, W, C].
      kernel: The shape of the weights, or None.
      order: The order of the kernel's axes in PyTorch, "oihw" or "iohw".
      labels: If not 0, the last argument of the operator is an integer label map whose
        height and width are those of the input times this factor.
      differentiable: Whether the forward and backward pass together are timed as well.
      quick: Whether the option `--quick` includes the operator.
    """

    name: str
    ours: Callable[..., jax.Array]
    theirs: Callable[..., Any]
    image: Shape
    kernel: Shape | None = None
    order: str = "oihw"
    labels: int = 0
    differentiable: bool = True
    quick: bool = False


def _conv(name, side, c, o, k=3, *, stride=1, rate=1, groups=1, batch=1, quick=False):
    pad = rate * (k - 1) // 2
    options = {"stride": stride, "padding": pad, "groups": groups}
    return Case(
        name,
        ours=lambda x, w: conv(x, w, rate=rate, **options),
        theirs=lambda _, f, x, w: f.conv2d(x, w, dilation=rate, **options),
        image=(batch, side, side, c),
        kernel=(k, k, c // groups, o),
        quick=quick,
    )


def _depthwise(side, c, *, stride=1, rate=1, k=3, quick=False):
    tail = f"/{stride}" * (stride > 1) + f" rate {rate}" * (rate > 1)
    name = f"depthwise {k}x{k}{tail}, {c} at {side}"
    options = {"stride": stride, "rate": rate, "groups": c, "quick": quick}
    return _conv(name, side=side, c=c, o=c, k=k, **options)


def _transposed(side, c, o, k, stride, pad, *, quick=False):
    options = {"stride": stride, "padding": pad}
    return Case(
        f"transposed {k}x{k}/{stride}, {c} to {o} at {side}",
        ours=lambda x, w: conv_transpose(x, w, **options),
        theirs=lambda _, f, x, w: f.conv_transpose2d(x, w, **options),
        image=(1, side, side, c),
        kernel=(k, k, c, o),
        order="iohw",
        quick=quick,
    )


def _resize(side, c, factor, *, quick=False):
    size = (side * factor, side * factor)
    return Case(
        f"bilinear x{factor}, {c} at {side}",
        ours=lambda x: resize(x, size),
        theirs=lambda _, f, x: f.interpolate(x, size, mode="bilinear"),
        image=(1, side, side, c),
        quick=quick,
    )


def _max_pool(side, c, k, pad, *, quick=False):
    options = {"stride": 2, "padding": pad}
    return Case(
        f"max pool {k}x{k}/2, {c} at {side}",
        ours=lambda x: max_pool(x, window=k, **options),
        theirs=lambda _, f, x: f.max_pool2d(x, k, **options),
        image=(1, side, side, c),
        quick=quick,
    )


def _unpool_ours(x):
    pooled, position = max_pool_argmax(x)
    return max_unpool(pooled, position, x.shape[1:3])


def _unpool_theirs(_, functional, x):
    pooled, position = functional.max_pool2d(x, 2, return_indices=True)
    return functional.max_unpool2d(pooled, position, 2)


def _norm_ours(x, scale):
    """Runs batch normalization for training, in the module that every network uses."""
    from jaxseg.nn.norm import Norm

    scale = scale.reshape(-1)
    params = {"scale": scale, "bias": jnp.zeros_like(scale)}
    stats = {"mean": jnp.zeros_like(scale), "var": jnp.ones_like(scale)}
    variables = {"params": params, "batch_stats": stats}
    return Norm().apply(variables, x, train=True, mutable=["batch_stats"])[0]


def _norm_theirs(torch, functional, x, scale):
    scale = scale.reshape(-1)
    zero = torch.zeros_like(scale)
    return functional.batch_norm(x, zero.clone(), zero + 1, scale, zero, True)


def _norm(batch, side, c, *, quick=False):
    return Case(
        f"batch norm, {c} at {batch} x {side}",
        ours=_norm_ours,
        theirs=_norm_theirs,
        image=(batch, side, side, c),
        kernel=(1, 1, 1, c),
        quick=quick,
    )


def _loss_ours(logits, label):
    value, weight = cross_entropy(logits, label)
    return jnp.sum(value * weight) / jnp.sum(weight)


def _loss_theirs(_, functional, logits, label):
    return functional.cross_entropy(logits, label, ignore_index=255)


def _enlarged_loss(side, factor, classes):
    size = (side * factor, side * factor)
    return Case(
        f"bilinear x{factor} + cross entropy, {classes} at {side}",
        ours=lambda x, label: _loss_ours(resize(x, size), label),
        theirs=lambda _, f, x, label: _loss_theirs(
            _, functional=f, logits=f.interpolate(x, size, mode="bilinear"), label=label
        ),
        image=(1, side, side, classes),
        labels=factor,
    )


def _confusion_theirs(classes):
    def count(torch, _, logits, label):
        prediction = logits[:, 0].round().clamp(0, classes - 1).long()
        cell = (label * classes + prediction)[label != 255]
        return torch.bincount(cell, minlength=classes * classes)

    return count


def _confusion_ours(classes):
    def count(logits, label):
        prediction = logits[..., 0].round().clip(0, classes - 1).astype(jnp.int32)
        return confusion(prediction, label, classes)[:classes].reshape(-1)

    return count


CASES = (
    _conv("1x1, 1024 to 256 at 33", side=33, c=1024, o=256, k=1, quick=True),
    _conv("1x1, 256 to 64 at 65", side=65, c=256, o=64, k=1),
    _conv("3x3, 256 at 65", side=65, c=256, o=256),
    _conv("3x3, 64 at 129", side=129, c=64, o=64),
    _conv("3x3/2, 128 at 65", side=65, c=128, o=128, stride=2),
    _conv("7x7/2, 3 to 64 at 257", side=257, c=3, o=64, k=7, stride=2, quick=True),
    _conv("3x3 rate 2, 256 at 65", side=65, c=256, o=256, rate=2),
    _conv("3x3 rate 12, 1024 to 256 at 33", side=33, c=1024, o=256, rate=12),
    _conv("3x3 rate 24, 1024 to 256 at 33", side=33, c=1024, o=256, rate=24),
    _conv("3x3 in 32 groups, 128 at 65", side=65, c=128, o=128, groups=32),
    _depthwise(129, 128, quick=True),
    _depthwise(65, 256),
    _depthwise(33, 728),
    _depthwise(33, 728, rate=2),
    _depthwise(129, 128, stride=2),
    _depthwise(33, 1024, rate=12),
    _depthwise(33, 240, k=5),
    _transposed(32, c=128, o=64, k=2, stride=2, pad=0, quick=True),
    _transposed(32, c=128, o=64, k=3, stride=2, pad=1),
    _transposed(32, c=128, o=64, k=4, stride=2, pad=1),
    _transposed(32, c=21, o=21, k=16, stride=8, pad=4),
    _transposed(16, c=21, o=21, k=32, stride=16, pad=8),
    _max_pool(256, c=64, k=2, pad=0, quick=True),
    _max_pool(257, c=64, k=3, pad=1, quick=True),
    Case(
        "argmax pool + unpool, 64 at 256",
        ours=_unpool_ours,
        theirs=_unpool_theirs,
        image=(1, 256, 256, 64),
    ),
    Case(
        "mean into 6 bins, 2048 at 33",
        ours=lambda x: adaptive_avg_pool(x, 6),
        theirs=lambda _, f, x: f.adaptive_avg_pool2d(x, 6),
        image=(1, 33, 33, 2048),
    ),
    _resize(65, 21, 8, quick=True),
    _resize(32, 21, 16),
    _resize(32, 256, 4),
    _resize(64, 256, 2),
    _norm(2, 129, 64, quick=True),
    _norm(2, 65, 256),
    _norm(2, 33, 1024),
    Case(
        "cross entropy, 21 at 2 x 512",
        ours=_loss_ours,
        theirs=_loss_theirs,
        image=(2, 512, 512, 21),
        labels=1,
        quick=True,
    ),
    _enlarged_loss(64, 8, 21),
    Case(
        "confusion matrix of 21, 4 x 512",
        ours=_confusion_ours(21),
        theirs=_confusion_theirs(21),
        image=(4, 512, 512, 1),
        labels=1,
        differentiable=False,
    ),
)
