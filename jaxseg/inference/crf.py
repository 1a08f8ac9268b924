"""Dense conditional random field (Krähenbühl and Koltun, arXiv 1210.5644).

Every pair of pixels is joined by a Gaussian kernel of their positions and one of their
positions and colors. Ten steps of mean field sharpen the class probabilities of a
network along the edges of the image, as in DeepLab v1 and v2 (arXiv 1412.7062,
1606.00915). Faithful to the equations, to the normalizations of the authors' code
("after", which DeepLab used) and to those of pydensecrf (default "symmetric").
All is differentiable in the unary energies, the weights and the deviations.

Differs: the paper leaves the pixel itself out of the sum, its code and pydensecrf keep
it, and so does the default here; `self_term=False` is the paper's equation.
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
from jaxseg.typing import Array

Method = Literal["lattice", "exact"]
Normalization = Literal["none", "before", "after", "symmetric"]
Weight = float | Array
ISOLATED = 1e-5  # sums of a kernel's row below this are rounding
Filter = Callable[[Array], Array]


class Kernels(NamedTuple):
    """The two kernels: numbers, or arrays to be learned.

    A weight is a number w (Potts: pixels of different class cost w), a vector [K]
    (agreement on class k costs v_k) or a matrix [K, K] of costs, made symmetric.

    Attributes:
      position_weight: weight of exp(-|dp|^2 / 2 position_sigma^2).
      position_sigma: pixels.
      color_weight: weight of exp(-|dp|^2 / 2 reach^2 - |dI|^2 / 2 color_sigma^2).
      color_reach: pixels.
      color_sigma: levels of 0..255.
    """

    position_weight: Weight = 3.0
    position_sigma: Weight = 1.0
    color_weight: Weight = 4.0
    color_reach: Weight = 67.0
    color_sigma: Weight = 3.0


# Published settings; the default is DeepLab v2 on ResNet-101.
PRESETS = {
    "deeplabv1": Kernels(3.0, 3.0, 5.0, 50.0, 10.0),
    "deeplabv1_msc": Kernels(3.0, 3.0, 3.0, 95.0, 3.0),
    "deeplabv1_coco": Kernels(3.0, 3.0, 5.0, 67.0, 3.0),
    "deeplabv2_vgg": Kernels(3.0, 3.0, 4.0, 49.0, 5.0),
    "deeplabv2_resnet101": Kernels(),
    "pydensecrf": Kernels(3.0, 3.0, 10.0, 80.0, 13.0),
}


def unary_energy(probability: Array, *, floor: float = 1e-5) -> Array:
    """-log p, with p at least `floor` as in pydensecrf; any shape."""
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
    """Class probabilities [B, H, W, K] after mean field.

    Q = softmax(-unary); then `iterations` times Q = softmax(-unary - sum_m C_m K_m Q)
    with the normalized kernels K_m and compatibilities C_m.

    Args:
      unary: float [B, H, W, K], -log p (`unary_energy`, or minus log softmax).
      image: [B, H, W, 3], levels 0..255.
      kernels: weights and deviations.
      iterations: steps of mean field; DeepLab takes 10.
      normalization: with D the sums of a kernel's rows, D^-1 K ("after", the authors'
        code), D^-1/2 K D^-1/2 ("symmetric", pydensecrf's default), K D^-1 ("before")
        or K ("none": on any real image everything then becomes one class).
      method: "lattice", approximate and fast, or "exact", O((HW)^2).
      valid: bool [B, H, W]; pixels outside count as absent.
      self_term: keep a pixel's message to itself; False needs "exact".
      block: of "exact", rows of the kernel held at a time.
      capacity: of "lattice", room for corners of the (position, color) lattice; less
        memory and time than the default, which always suffices. Too little gives NaN;
        `count_corners` says how much is needed.

    Raises:
      ValueError: for shapes that do not fit and options out of range.
    """
    check(unary, image, iterations, normalization, method, self_term)
    valid = jnp.ones(unary.shape[:3], bool) if valid is None else valid
    kernels = Kernels(*(jnp.asarray(x, jnp.float32) for x in kernels))
    if method == "exact":
        filters = functools.partial(_exact_filters, self_term=self_term, block=block)
    else:
        filters = functools.partial(_lattice_filters, capacity=capacity)

    def refine(example):
        unary, image, valid = example
        parts = filters(image.astype(jnp.float32), valid, kernels)
        rules = {"iterations": iterations, "normalization": normalization}
        return mean_field(unary, valid, kernels, parts, **rules)

    return lax.map(refine, (unary.astype(jnp.float32), image, valid))


def count_corners(image: Array, kernels: Kernels, valid: Array | None = None) -> Array:
    """Corners of the (position, color) lattice of each image, int32 [B, 2]."""
    valid = jnp.ones(image.shape[:3], bool) if valid is None else valid

    def count(example):
        return jnp.stack([find_corners(f).count for f in features(*example, kernels)])

    return lax.map(count, (image.astype(jnp.float32), valid))


def compatibility(weight: Array, filtered: Array) -> Array:
    """The energy that filtered probabilities [..., K] add: weight times their message.

    A number w gives -w Q (Potts, less a constant), a vector v * Q, a matrix
    (M + M^T) Q / 2: pydensecrf's three forms. w (1 - I) and -w ones equal w.
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
) -> Array:
    """Probabilities [H, W, K] of one image; filters [N, K] -> [N, K], N = H W."""
    shape, mask = unary.shape, valid.reshape(-1, 1).astype(jnp.float32)
    energy = unary.reshape(-1, shape[-1])
    weights = (kernels.position_weight, kernels.color_weight)
    steps = [_normalized(f, mask, normalization) for f in filters]

    @jax.checkpoint
    def step(q, _):
        parts = zip(weights, steps, strict=True)
        message = sum(compatibility(w, smooth(q)) for w, smooth in parts)
        return jax.nn.softmax(-energy - message), None

    q, _ = lax.scan(step, jax.nn.softmax(-energy), length=iterations)
    return q.reshape(shape)


def _normalized(smooth: Filter, mask: Array, normalization: str) -> Filter:
    """The filter [N, K] -> [N, K] of the valid points, normalized by its row sums."""
    if normalization == "none":
        return lambda values: smooth(values * mask)
    power = 0.5 if normalization == "symmetric" else 1.0
    sums = jnp.where(mask > 0, smooth(mask), 1.0)
    scale = mask / jnp.maximum(sums, ISOLATED) ** power
    first = mask if normalization == "after" else scale
    last = mask if normalization == "before" else scale
    return lambda values: last * smooth(first * values)


def _exact_filters(image, valid, kernels, *, self_term, block):
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
    """A filter [N, K] -> [N, K] for each lattice."""
    lattices = map(link, corners, capacity)
    return tuple(functools.partial(lattice_filter, lattice) for lattice in lattices)


def _lattice_filters(image, valid, kernels, *, capacity):
    rooms = (None, None) if capacity is None else capacity
    corners = [find_corners(f) for f in features(image, valid, kernels)]
    return lattice_filters(corners, rooms)


def features(image: Array, valid: Array, kernels: Kernels) -> tuple[Array, Array]:
    """Position [N, 2] and position with color [N, 5], in deviations; x comes first.

    Pixels that are not valid take the place of the first one, so that they add no
    corner to a lattice.
    """
    height, width = image.shape[:2]
    grid = jnp.stack(jnp.meshgrid(jnp.arange(width), jnp.arange(height)), axis=-1)
    place = grid.reshape(-1, 2).astype(jnp.float32)
    color = image.reshape(-1, image.shape[-1]) / kernels.color_sigma
    joint = jnp.concatenate([place / kernels.color_reach, color], axis=-1)
    keep = valid.reshape(-1, 1)
    both = (place / kernels.position_sigma, joint)
    return tuple(jnp.where(keep, f, f[jnp.argmax(keep)][None]) for f in both)


def check(unary, image, iterations, normalization, method, self_term=True) -> None:
    """Raises ValueError for shapes that do not fit and options out of range."""
    if unary.ndim != 4 or image.ndim != 4 or unary.shape[:3] != image.shape[:3]:
        raise ValueError(
            f"unary of shape {unary.shape} and image of shape {image.shape} do not "
            "fit; allowed are [B, H, W, K] and [B, H, W, 3]"
        )
    if iterations < 0:
        raise ValueError(f"iterations is {iterations}; allowed is 0 or more")
    kinds = ("none", "before", "after", "symmetric")
    if normalization not in kinds:
        raise ValueError(f"normalization is {normalization!r}; allowed: {kinds}")
    if method not in ("lattice", "exact"):
        raise ValueError(f"method is {method!r}; allowed: 'lattice', 'exact'")
    if method == "lattice" and not self_term:
        raise ValueError("self_term=False is allowed only with method 'exact'")
