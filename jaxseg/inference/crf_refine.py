"""The dense CRF on pictures from the host, with no more memory than they need."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference import crf
from jaxseg.inference.crf_lattice import find_corners


def refine(
    probability,
    image,
    kernels: crf.Kernels = crf.PRESETS["deeplabv2_resnet101"],
    *,
    valid=None,
    iterations: int = 10,
    normalization: crf.Normalization = "after",
    method: crf.Method = "lattice",
) -> np.ndarray:
    """Class probabilities float32 [H, W, K] of one picture after mean field.

    The same as `crf.dense_crf` on -log probability, and not to be traced: it looks
    how many lattice corners the picture has, and makes room for these alone.

    Args:
      probability: [H, W, K], the network's softmax.
      image: [H, W, 3], levels 0..255.
      kernels, iterations, normalization, method: as in `crf.dense_crf`.
      valid: bool [H, W]; pixels outside count as absent.
    """
    unary = crf.unary_energy(jnp.asarray(probability, jnp.float32))
    valid = jnp.ones(unary.shape[:2], bool) if valid is None else jnp.asarray(valid)
    image = jnp.asarray(image, jnp.float32)
    crf.check(unary[None], image[None], iterations, normalization, method)
    kernels = crf.Kernels(*(jnp.asarray(x, jnp.float32) for x in kernels))
    rules = {"iterations": iterations, "normalization": normalization}
    if method == "exact":
        one = (unary[None], image[None], kernels, valid[None])
        return np.asarray(_exact(*one, **rules))[0]
    corners = _corners(image, valid, kernels)
    capacity = tuple(room(int(c.count)) for c in corners)
    solved = _solve(unary, valid, kernels, corners, capacity=capacity, **rules)
    return np.asarray(solved)


def room(count: int) -> int:
    """A little more than `count`: one of few sizes, so that few programs are compiled.

    >>> room(46020)
    49152
    """
    step = 1 << max(count.bit_length() - 4, 8)
    return -(-count // step) * step


@functools.partial(jax.jit, static_argnames=("iterations", "normalization"))
def _exact(unary, image, kernels, valid, **rules):
    return crf.dense_crf(unary, image, kernels, valid=valid, method="exact", **rules)


@jax.jit
def _corners(image, valid, kernels):
    return [find_corners(f) for f in crf.features(image, valid, kernels)]


@functools.partial(jax.jit, static_argnames=("capacity", "iterations", "normalization"))
def _solve(unary, valid, kernels, corners, *, capacity, **rules):
    filters = crf.lattice_filters(corners, capacity)
    return crf.mean_field(unary, valid, kernels, filters, **rules)
