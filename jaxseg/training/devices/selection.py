"""Chooses devices, and checks that batches and images divide evenly among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import jax

from jaxseg.training.devices.mesh import Space, space_pair


def choose(count: int | None = None) -> list[jax.Device]:
    """Returns the first `count` devices, or all devices if `count` is None.

    Raises:
      ValueError: If there are fewer than `count` devices, or if the run has several
        processes and `count` is not the number of all devices.
    """
    devices = jax.devices()
    if count is None:
        return devices
    some = jax.process_count() == 1 and 1 <= count <= len(devices)
    if not some and count != len(devices):
        raise ValueError(
            f"devices={count} is invalid: expected 1 to {len(devices)}, the number of "
            f"{devices[0].platform} devices. A run of several processes must use all."
        )
    return devices[:count]


def check_batch(
    name: str, size: int, devices: Sequence[jax.Device], *, space: Space = 1
) -> None:
    """Checks that a global batch splits evenly over the devices.

    Args:
      name: The name of the option that sets the batch size, for errors.
      size: The batch size.
      devices: The devices.
      space: The number of devices that share one image.

    Raises:
      ValueError: If the batch does not split evenly.
    """
    image = math.prod(space_pair(space))
    count = len(devices) // image
    if size < 1 or size % count:
        each = "devices" if image == 1 else f"groups of {image} devices"
        raise ValueError(
            f"{name}={size} is invalid: expected a multiple of {count}, the number of "
            f"{each}. Use --devices N for fewer devices."
        )


def check_space(
    name: str,
    space: Space,
    crop: tuple[int, int] | None,
    devices: Sequence[jax.Device],
) -> None:
    """Checks that `space` devices can split the rows or columns of an image evenly.

    Args:
      name: The name of the option that sets `space`, for errors.
      space: The number of devices that share one image.
      crop: The height and width of the training images in pixels, or None if nothing is
        trained.
      devices: The devices.

    Raises:
      ValueError: If the devices cannot share the images.
    """
    pair = space_pair(space)
    if min(pair) < 1 or len(devices) % math.prod(pair):
        raise ValueError(
            f"{name}={space} is invalid: expected numbers of 1 or more whose product "
            f"divides {len(devices)}, the number of devices."
        )
    if crop is None:
        return
    for side, count, pixels in zip(("height", "width"), pair, crop, strict=True):
        if pixels % count:
            raise ValueError(
                f"{name}={space} is invalid: expected a number of devices that divides "
                f"{pixels}, the {side} in data.crop, found {count}."
            )


def check_eval_sizes(
    name: str, space: Space, sizes: Iterable[tuple[int, int]], multiple: int
) -> None:
    """Checks that devices can split the rows or columns of evaluation images evenly.

    Args:
      name: The name of the option that sets `space`, for errors.
      space: The number of devices that share one image.
      sizes: The heights and widths of the images in pixels.
      multiple: The option `data.eval_multiple`. Heights and widths are padded to
        multiples of this number of pixels.

    Raises:
      ValueError: If the devices cannot share an image.
    """
    pair = space_pair(space)
    for size in sorted(set(sizes)):
        for side, count, pixels in zip(("height", "width"), pair, size, strict=True):
            padded = -(-pixels // multiple) * multiple
            if padded % count:
                raise ValueError(
                    f"{name}={space} is invalid for images of {size[0]} x {size[1]} "
                    f"pixels with data.eval_multiple={multiple}: expected a number of "
                    f"devices that divides the padded {side} {padded}, found {count}. "
                    "Pad the images of evaluation with --data.eval-multiple "
                    f"{math.lcm(*pair)}."
                )
