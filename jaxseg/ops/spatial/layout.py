"""Rows (and columns) of one image over several devices: how a map lies.

A step that `training.parallel` binds to a mesh with an axis "space" (and "columns")
runs inside that mesh's context, which jax itself keeps while it traces. The functions
here read it and tell the partitioner how a feature map is cut; outside such a mesh they
are the identity, and they never change a value.

Convolutions, pooling and resizing exchange border rows themselves
(`jaxseg.ops.spatial.halo`, `jaxseg.ops.spatial.linear`); what works on each pixel alone
is left to the partitioner, as long as its input and output are known to be cut.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxseg.typing import Array

BATCH, AXES = "batch", ("space", "columns")  # mesh axes: examples; rows and columns


def parts() -> tuple[int, int]:
    """Devices that share the (rows, columns) of a map; (1, 1) outside such a mesh."""
    sizes = _mesh_sizes()
    return tuple(sizes.get(axis, 1) for axis in AXES)


def is_split() -> bool:
    """Whether several devices share the rows or columns of a map here."""
    return parts() != (1, 1)


def split_rows(x: Array) -> Array:
    """x [B, H, W, ...] with rows and columns divided among the devices of its image.

    A side that does not divide evenly is left to the partitioner.
    """
    if not is_split():
        return x
    return lax.with_sharding_constraint(x, tiles(x, uneven=P.UNCONSTRAINED))


def gather_rows(x: Array, reach: int) -> Array:
    """The whole map on each of its N devices, [B, N, H, W, C], if `reach` demands it.

    For kernels that reach further than a device's own `reach` rows or columns, such as
    large atrous rates: several of them can read what is gathered once. Gradients go
    back in one sum-and-scatter. `jaxseg.ops.conv` takes this form and returns
    [B, H, W, O], divided as ever.

    Returns: x itself where maps are not shared, `reach` does not exceed a device's
      part, or the map does not divide evenly.
    """
    sizes, counts = x.shape[1:3], parts()
    near = all(c == 1 or reach <= n // c for n, c in zip(sizes, counts, strict=True))
    uneven = any(n % c for n, c in zip(sizes, counts, strict=True))
    if near or uneven:
        return x
    shared = shared_axes()

    def local(x):
        for axis, name in enumerate(shared, start=1):
            x = x if name is None else lax.all_gather(x, name, axis=axis, tiled=True)
        return x[:, None]

    return per_device(local, tiles(x), copies(x))(x)


def shared_axes() -> tuple[str | None, str | None]:
    """Mesh axes that divide rows and columns; None where a side stays whole."""
    return tuple(a if c > 1 else None for a, c in zip(AXES, parts(), strict=True))


def tiles(x: Array, uneven: Any = None) -> P:
    """How x [B, H, W, ...] is divided; `uneven` stands where it cannot be."""
    sizes = _mesh_sizes()
    return P(
        *(
            None if sizes.get(axis, 1) == 1 else uneven if size % sizes[axis] else axis
            for axis, size in zip((BATCH, *AXES), x.shape[:3], strict=True)
        )
    )


def copies(x: Array) -> P:
    """How [B, N, H, W, C] lies, the image on each of its N devices."""
    return P(tiles(x)[0], tuple(name for name in shared_axes() if name))


def per_device(function: Callable, in_specs: Any, out_specs: Any) -> Callable:
    """`function` on each device's own part; `jax.shard_map` over the mesh at hand."""
    return jax.shard_map(
        function, in_specs=in_specs, out_specs=out_specs, axis_names=set(_mesh_sizes())
    )


def _mesh_sizes():
    """Sizes of the axes that the partitioner is free to use here."""
    mesh = jax.sharding.get_abstract_mesh()
    kinds = zip(mesh.axis_names, mesh.axis_types, strict=True)
    return {name: mesh.shape[name] for name, kind in kinds if kind is AxisType.Auto}
