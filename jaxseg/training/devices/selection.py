"""Chooses devices, and checks that batches and images divide evenly over them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax

from jaxseg.training.devices.mesh import Space, space_pair

PADDED = 32  # pixels; sides of images for evaluation are multiples of it


def choose(count: int | None = None) -> list[jax.Device]:
    """The first `count` devices; all of them by default.

    Raises: ValueError when there are fewer, or with several hosts and not all.
    """
    devices = jax.devices()
    if count is None:
        return devices
    some = jax.process_count() == 1 and 1 <= count <= len(devices)
    if not some and count != len(devices):
        raise ValueError(
            f"devices is {count}; there are {len(devices)} ({devices[0].platform}), "
            "and runs on several hosts use all of them"
        )
    return devices[:count]


def check_batch(
    name: str, size: int, devices: Sequence[jax.Device], *, space: Space = 1
) -> None:
    """Raises ValueError unless a global batch splits evenly over the devices."""
    image = math.prod(space_pair(space))
    count = len(devices) // image
    if size < 1 or size % count:
        each = "devices" if image == 1 else f"groups of {image} devices"
        raise ValueError(
            f"{name} is {size}; allowed: multiples of {count}, the number of {each} "
            "(--devices N uses fewer)"
        )


def check_space(
    name: str, space: Space, crop: tuple[int, int], devices: Sequence[jax.Device]
) -> None:
    """Raises ValueError unless images of this crop can be shared by the devices.

    Evaluation pads images to multiples of `PADDED` pixels, which must divide as well.
    """
    pair = space_pair(space)
    if min(pair) < 1 or len(devices) % math.prod(pair):
        raise ValueError(
            f"{name} is {space}; allowed: 1 or more, and a product that divides "
            f"{len(devices)}, the number of devices"
        )
    for side, count, pixels in zip(("height", "width"), pair, crop, strict=True):
        if PADDED % count:
            raise ValueError(
                f"{name} is {space}; allowed: powers of two up to {PADDED}, which "
                "divide the padded images of evaluation"
            )
        if pixels % count:
            raise ValueError(
                f"{name} is {space}; the crop's {side} {pixels} is not a multiple of "
                f"{count} (data.crop)"
            )
