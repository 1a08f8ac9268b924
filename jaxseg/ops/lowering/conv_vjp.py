"""Convolution whose gradients are convolutions with the standard order of axes.

The gradients of `lax.conv_general_dilated` are convolutions whose axes have another
order (the kernel gradient sums over the batch). XLA's CPU backend reorders their axes
for its fast routines, but only in the main program. Within `lax.scan` they run as a
scalar loop nest, 15 to 60 times slower. Here the gradients have the standard order from
the start. Only reverse mode is available; `impl="lax"` of `jaxseg.ops.conv` has forward
mode too.
"""

from functools import partial

import jax
from jax import lax

from jaxseg.ops.lowering.scheduling import order_after
from jaxseg.typing import Array

Pair = tuple[int, int]
_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def canonical_conv(
    stride: Pair, rate: Pair, padding: tuple[Pair, Pair], x: Array, kernel: Array
) -> Array:
    """Convolves x [B, H, W, C] with kernel [kh, kw, C, O].

    The gradients are defined as convolutions whose axes have the standard order: NHWC
    for maps and HWIO for kernels.

    Negative padding crops the map.
    """
    return lax.conv_general_dilated(
        x, kernel, stride, padding, rhs_dilation=rate, dimension_numbers=_DIMENSIONS
    )


def _forward(stride, rate, padding, x, kernel):
    return canonical_conv(stride, rate, padding, x, kernel), (x, kernel)


# Under jit, layers of one shape are traced and lowered only once.
@partial(jax.jit, static_argnums=(0, 1, 2))
def _backward(stride, rate, padding, saved, grad):
    x, kernel = (order_after(a, grad[0, 0, 0, 0]) for a in saved)
    return (
        _image_gradient(
            stride, rate=rate, padding=padding, shape=x.shape, kernel=kernel, grad=grad
        ),
        _kernel_gradient(
            stride, rate=rate, padding=padding, x=x, shape=kernel.shape, grad=grad
        ),
    )


def _image_gradient(stride, rate, padding, shape, kernel, grad):
    """Convolves the gradient, dilated by the stride, with the flipped kernel."""
    pads = []
    for a in (0, 1):
        extent = rate[a] * (kernel.shape[a] - 1)
        before = extent - padding[a][0]
        spread = stride[a] * (grad.shape[a + 1] - 1) + 1
        pads.append((before, shape[a + 1] + extent - before - spread))
    return lax.conv_general_dilated(
        grad,
        kernel[::-1, ::-1].swapaxes(2, 3),
        (1, 1),
        pads,
        lhs_dilation=stride,
        rhs_dilation=rate,
        dimension_numbers=_DIMENSIONS,
    )


def _kernel_gradient(stride, rate, padding, x, shape, grad):
    """Convolves channels as images [C, H, W, B] with the gradient as kernel."""
    pads = []
    for a in (0, 1):
        read = stride[a] * (grad.shape[a + 1] - 1) + rate[a] * (shape[a] - 1) + 1
        pads.append((padding[a][0], read - x.shape[a + 1] - padding[a][0]))
    found = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        grad.transpose(1, 2, 0, 3),
        rate,
        pads,
        rhs_dilation=stride,
        dimension_numbers=_DIMENSIONS,
    )
    return found.transpose(1, 2, 0, 3)


canonical_conv.defvjp(_forward, _backward)
