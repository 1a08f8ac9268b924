"""Applies the dense CRF to one image, with memory only for its lattice corners."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference import crf
from jaxseg.inference.crf_lattice import find_corners

BLOCK = 256  # The number of rows of the exact kernel that are in memory at once.
RULES = ("iterations", "normalization", "every")


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
    """Refines the class probabilities of one image with the dense CRF.

    It calls `crf.dense_crf` with the unary energies -log p. It cannot be traced by jit,
    because it counts the lattice corners of the image and allocates memory for these
    only.

    Args:
      probability: The softmax of the network, [H, W, K].
      image: The image, [H, W, 3], with levels 0..255.
      kernels: The weights and standard deviations of the two kernels.
      valid: The mask of the pixels that take part, bool [H, W]; by default all.
      iterations: The number of mean-field iterations.
      normalization: How the kernels are normalized: "after", "before", "symmetric" or
        "none", as in `crf.dense_crf`.
      method: "lattice" or "exact", as in `crf.dense_crf`.

    Returns:
      The class probabilities, float32 [H, W, K].

    Raises:
      ValueError: If the shapes do not match or an option has an invalid value.
    """
    return _refined(
        probability,
        image=image,
        kernels=kernels,
        valid=valid,
        method=method,
        iterations=iterations,
        normalization=normalization,
    )


def refine_steps(
    probability,
    image,
    kernels: crf.Kernels = crf.PRESETS["deeplabv2_resnet101"],
    **options,
) -> np.ndarray:
    """Returns the probabilities after each iteration of the dense CRF.

    Args:
      probability: The softmax of the network, [H, W, K].
      image: The image, [H, W, 3], with levels 0..255.
      kernels: The weights and standard deviations of the two kernels.
      **options: The other options of `refine`, such as `iterations`.

    Returns:
      The probabilities with which the CRF starts, and those after each iteration,
      float32 [iterations + 1, H, W, K].

    Raises:
      ValueError: If the shapes do not match or an option has an invalid value.
    """
    how = {"valid": None, "iterations": 10, "normalization": "after"}
    how |= {"method": "lattice", **options}
    each = _refined(probability, image=image, kernels=kernels, every=True, **how)
    energy = crf.unary_energy(jnp.asarray(probability, jnp.float32))
    return np.concatenate([np.asarray(jax.nn.softmax(-energy))[None], each])


def _refined(
    probability, *, image, kernels, valid, method, every=False, **rules
) -> np.ndarray:
    unary = crf.unary_energy(jnp.asarray(probability, jnp.float32))
    valid = jnp.ones(unary.shape[:2], bool) if valid is None else jnp.asarray(valid)
    image = jnp.asarray(image, jnp.float32)
    crf.check(unary[None], image=image[None], method=method, **rules)
    kernels = crf.Kernels(*(jnp.asarray(x, jnp.float32) for x in kernels))
    rules["every"] = every
    if method == "exact":
        return np.asarray(_exact(unary, image, kernels, valid, **rules))
    corners = _corners(image, valid, kernels)
    capacity = tuple(room(int(c.count)) for c in corners)
    solved = _solve(unary, valid, kernels, corners, capacity=capacity, **rules)
    return np.asarray(solved)


def room(count: int) -> int:
    """Rounds up the number of lattice corners for which memory is allocated.

    Images of equal size with equal rounded numbers share one compiled program.

    >>> room(46020)
    49152
    """
    step = 1 << max(count.bit_length() - 4, 8)
    return -(-count // step) * step


@functools.partial(jax.jit, static_argnames=RULES)
def _exact(unary, image, kernels, valid, **rules):
    filters = crf.exact_filters(image, valid, kernels, self_term=True, block=BLOCK)
    return crf.mean_field(unary, valid=valid, kernels=kernels, filters=filters, **rules)


@jax.jit
def _corners(image, valid, kernels):
    return [find_corners(f) for f in crf.features(image, valid, kernels)]


@functools.partial(jax.jit, static_argnames=("capacity", *RULES))
def _solve(unary, valid, kernels, corners, *, capacity, **rules):
    filters = crf.lattice_filters(corners, capacity)
    return crf.mean_field(unary, valid=valid, kernels=kernels, filters=filters, **rules)
