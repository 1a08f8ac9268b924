"""Refines probabilities with a dense conditional random field (arXiv 1210.5644).

Two Gaussian kernels connect every pair of pixels: one depends on their positions, the
other one on their positions and colors. Ten mean-field iterations align the class
probabilities of a network with the edges of the image, as in DeepLab v1 and v2 (arXiv
1412.7062, 1606.00915). The module implements the equations of Krähenbühl and Koltun
with the normalizations of their code ("after", which DeepLab used) and of pydensecrf
("symmetric" by default). The result is differentiable in the unary energies, the
weights and the standard deviations.

Differs: the sum in the paper excludes the pixel itself. The paper's code and pydensecrf
include it, as the default here does; `self_term=False` follows the paper.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.inference.crf_exact import exact_filter, exact_grid_filter
from jaxseg.inference.crf_lattice import Corners, find_corners, lattice_filter, link
from jaxseg.text import one_of
from jaxseg.typing import Array

Method = Literal["lattice", "exact"]
Normalization = Literal["none", "before", "after", "symmetric"]
Weight = float | Array
ISOLATED = 1e-5  # A smaller sum of a row of the kernel is a rounding error.
Filter = Callable[[Array], Array]


class Kernels(NamedTuple):
    """Contains the parameters of the two kernels, as numbers or learnable arrays.

    A weight is a number w (Potts model: two pixels of different classes cost w), a
    vector [K] (two pixels that are both of class k cost v_k), or a matrix [K, K] of
    costs, of which the symmetric part is used.

    Attributes:
      position_weight: The weight of exp(-|dp|^2 / 2 position_sigma^2).
      position_sigma: The standard deviation of positions in pixels.
      color_weight: The weight of
        exp(-|dp|^2 / 2 color_reach^2 - |dI|^2 / 2 color_sigma^2).
      color_reach: The standard deviation of positions in the second kernel, in pixels.
      color_sigma: The standard deviation of colors, in levels of 0..255.
    """

    position_weight: Weight = 3.0
    position_sigma: Weight = 1.0
    color_weight: Weight = 4.0
    color_reach: Weight = 67.0
    color_sigma: Weight = 3.0


# These are published settings. The default is that of DeepLab v2 with ResNet-101.
PRESETS = {
    "deeplabv1": Kernels(3.0, 3.0, 5.0, 50.0, 10.0),
    "deeplabv1_msc": Kernels(3.0, 3.0, 3.0, 95.0, 3.0),
    "deeplabv1_coco": Kernels(3.0, 3.0, 5.0, 67.0, 3.0),
    "deeplabv2_vgg": Kernels(3.0, 3.0, 4.0, 49.0, 5.0),
    "deeplabv2_resnet101": Kernels(),
    "pydensecrf": Kernels(3.0, 3.0, 10.0, 80.0, 13.0),
}


def unary_energy(probability: Array, *, floor: float = 1e-5) -> Array:
    """Returns the unary energies -log p of probabilities p of any shape.

    Args:
      probability: The probabilities.
      floor: The lower bound of the probabilities, as in pydensecrf.
    """
    return -jnp.log(jnp.clip(probability, floor, 1.0))


def dense_crf(
    unary: Array,
    image: Array,
    kernels: Kernels = PRESETS["deeplabv2_resnet101"],
    *,
    iterations: int = 10,
    normalization: Normalization = "after",
    method: Method = "lattice",
    valid: Array | None = None,
    self_term: bool = True,
    block: int = 256,
    capacity: tuple[int, int] | None = None,
) -> Array:
    """Refines class probabilities by mean-field inference in a dense CRF.

    The iteration starts with Q = softmax(-unary). Each iteration computes Q =
    softmax(-unary - sum_m C_m K_m Q) with the normalized kernels K_m and the
    compatibilities C_m.

    Args:
      unary: The unary energies -log p, float [B, H, W, K]. `unary_energy` computes them
        from probabilities; for logits, they are the negative log-softmax.
      image: The images, [B, H, W, 3], with levels 0..255.
      kernels: The weights and standard deviations of the two kernels.
      iterations: The number of mean-field iterations. DeepLab uses 10.
      normalization: How the kernel K is normalized by D, the sums of its rows: to
        D^-1 K ("after", as in the authors' code), D^-1/2 K D^-1/2 ("symmetric", the
        default of pydensecrf), K D^-1 ("before") or not at all ("none"). With "none",
        all pixels of a real image get the same class.
      method: "lattice" is approximate and fast; "exact" takes O((HW)^2) time.
      valid: The mask of the pixels that take part, bool [B, H, W]; by default all.
      self_term: Whether a pixel sends a message to itself. False requires "exact".
      block: With "exact", the number of rows of the kernel that are in memory at once.
      capacity: With "lattice", the number of corners of the (position, color) lattices
        for which memory is allocated; `count_corners` returns how many are needed. If
        there are more corners, the result is NaN. The default is always sufficient,
        but takes more memory and time.

    Returns:
      The class probabilities, float32 [B, H, W, K].

    Raises:
      ValueError: If the shapes do not match or an option has an invalid value.
    """
    check(unary, image, iterations, normalization, method, self_term)
    valid = jnp.ones(unary.shape[:3], bool) if valid is None else valid
    rules = {"iterations": iterations, "normalization": normalization}
    kernels = Kernels(*(jnp.asarray(x, jnp.float32) for x in kernels))
    if method == "exact":
        filters = functools.partial(exact_filters, self_term=self_term, block=block)
    else:
        filters = functools.partial(_lattice_filters, capacity=capacity)

    def refine(example):
        unary, image, valid = example
        parts = filters(image.astype(jnp.float32), valid, kernels)
        return mean_field(unary, valid, kernels, parts, **rules)

    return lax.map(refine, (unary.astype(jnp.float32), image, valid))


def count_corners(image: Array, kernels: Kernels, valid: Array | None = None) -> Array:
    """Counts the lattice corners that each image needs for each kernel, int32 [B, 2].

    Args:
      image: The images, [B, H, W, 3], with levels 0..255.
      kernels: The standard deviations of the two kernels.
      valid: The mask of the pixels that take part, bool [B, H, W]; by default all.
    """
    valid = jnp.ones(image.shape[:3], bool) if valid is None else valid

    def count(example):
        return jnp.stack([find_corners(f).count for f in features(*example, kernels)])

    return lax.map(count, (image.astype(jnp.float32), valid))


def compatibility(weight: Array, filtered: Array) -> Array:
    """Returns the energy of each class that results from filtered probabilities Q.

    A weight w gives -w Q (the Potts model, up to a constant), a vector v gives v * Q,
    and a matrix M gives (M + M^T) Q / 2, as in pydensecrf. The matrix w (1 - I) and the
    vector with all entries -w have the same effect as the number w.

    Args:
      weight: The weight of the kernel: a number, [K] or [K, K].
      filtered: The filtered probabilities, [..., K].
    """
    if weight.ndim == 0:
        return -weight * filtered
    if weight.ndim == 1:
        return filtered * weight.reshape((1,) * (filtered.ndim - 1) + (-1,))
    both = (weight + weight.T) / 2
    return jnp.matmul(filtered, both, precision="highest")


def mean_field(
    unary: Array,
    valid: Array,
    kernels: Kernels,
    filters: Sequence[Filter],
    *,
    iterations: int,
    normalization: Normalization,
    every: bool = False,
) -> Array:
    """Returns the class probabilities of one image by mean-field inference, [H, W, K].

    Args:
      unary: The unary energies, [H, W, K].
      valid: The mask of the pixels that take part, bool [H, W].
      kernels: The weights of the two kernels.
      filters: A Gaussian filter [N, K] -> [N, K] for each kernel, with N = H W.
      iterations: The number of mean-field iterations.
      normalization: "after", "before", "symmetric" or "none", as in `dense_crf`.
      every: Whether to return the result of every iteration, [iterations, H, W, K].
    """
    shape, mask = unary.shape, valid.reshape(-1, 1).astype(jnp.float32)
    energy = unary.reshape(-1, shape[-1])
    weights = (kernels.position_weight, kernels.color_weight)
    steps = [_normalized(f, mask, normalization) for f in filters]

    @jax.checkpoint
    def step(q, _):
        parts = zip(weights, steps, strict=True)
        message = sum(compatibility(w, smooth(q)) for w, smooth in parts)
        q = jax.nn.softmax(-energy - message)
        return q, q if every else None

    q, each = lax.scan(step, jax.nn.softmax(-energy), length=iterations)
    return each.reshape(-1, *shape) if every else q.reshape(shape)


def _normalized(smooth: Filter, mask: Array, normalization: str) -> Filter:
    """Restricts a filter to the valid points and normalizes it by its row sums."""
    if normalization == "none":
        return lambda values: smooth(values * mask)
    power = 0.5 if normalization == "symmetric" else 1.0
    sums = jnp.where(mask > 0, smooth(mask), 1.0)
    scale = mask / jnp.maximum(sums, ISOLATED) ** power
    first = mask if normalization == "after" else scale
    last = mask if normalization == "before" else scale
    return lambda values: last * smooth(first * values)


def exact_filters(image, valid, kernels, *, self_term, block):
    height, width = image.shape[:2]
    _, joint = features(image, valid, kernels)

    def position(values):
        grid = values.reshape(height, width, -1)
        return exact_grid_filter(grid, kernels.position_sigma).reshape(values.shape)

    def color(values):
        return exact_filter(joint, values, block=block)

    if self_term:
        return position, color
    return tuple(lambda v, f=f: f(v) - v for f in (position, color))


def lattice_filters(
    corners: Sequence[Corners], capacity: Sequence[int | None]
) -> tuple[Filter, ...]:
    """Returns one filter function [N, K] -> [N, K] for the lattice of each kernel."""
    lattices = map(link, corners, capacity)
    return tuple(functools.partial(lattice_filter, lattice) for lattice in lattices)


def _lattice_filters(image, valid, kernels, *, capacity):
    rooms = (None, None) if capacity is None else capacity
    corners = [find_corners(f) for f in features(image, valid, kernels)]
    return lattice_filters(corners, rooms)


def features(image: Array, valid: Array, kernels: Kernels) -> tuple[Array, Array]:
    """Returns the features of both kernels, in units of their standard deviations.

    Pixels that are not valid get the features of the first valid pixel, so that they
    add no corner to a lattice.

    Args:
      image: The image, float32 [H, W, 3], with levels 0..255.
      valid: The mask of the pixels that take part, bool [H, W].
      kernels: The standard deviations of the two kernels.

    Returns:
      The features (x, y), [N, 2], and the features (x, y, red, green, blue), [N, 5].
    """
    height, width = image.shape[:2]
    grid = jnp.stack(jnp.meshgrid(jnp.arange(width), jnp.arange(height)), axis=-1)
    place = grid.reshape(-1, 2).astype(jnp.float32)
    color = image.reshape(-1, image.shape[-1]) / kernels.color_sigma
    joint = jnp.concatenate([place / kernels.color_reach, color], axis=-1)
    keep = valid.reshape(-1, 1)
    first, place = jnp.argmax(keep), place / kernels.position_sigma
    return jnp.where(keep, place, place[first]), jnp.where(keep, joint, joint[first])


def check(unary, image, iterations, normalization, method, self_term=True) -> None:
    """Raises ValueError if shapes or an option of `dense_crf` are invalid."""
    if unary.ndim != 4 or image.ndim != 4 or unary.shape[:3] != image.shape[:3]:
        raise ValueError(
            f"image.shape={image.shape} with unary.shape={unary.shape} is invalid: "
            "expected [B, H, W, 3] and [B, H, W, K] of equal B, H, W."
        )
    if iterations < 0:
        raise ValueError(f"iterations={iterations} is invalid: expected a number >= 0.")
    kinds = ("none", "before", "after", "symmetric")
    if normalization not in kinds:
        raise ValueError(
            f"normalization={normalization!r} is invalid{one_of(normalization, kinds)}"
        )
    methods = ("lattice", "exact")
    if method not in methods:
        raise ValueError(f"method={method!r} is invalid{one_of(method, methods)}")
    if method == "lattice" and not self_term:
        raise ValueError(
            "self_term=False is invalid with method='lattice': expected method='exact'."
        )
