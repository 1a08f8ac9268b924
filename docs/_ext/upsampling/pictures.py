"""Draws what each kind of upsampling makes from one impulse, an edge and a constant."""

import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import nn as blocks
from jaxseg.ops.pool import max_pool_argmax
from jaxseg.ops.resize import resize
from jaxseg.ops.unpool import bed_of_nails, max_unpool, nearest
from jaxseg.storage import atomic
from jaxseg.viz import charts

FOLDER = pathlib.Path(__file__).parents[2] / "guide" / "upsampling"
SIZE, FACTOR, CHANNELS = 6, 4, 16
SCALE, FRAME = 12, 140  # Screen pixels for each pixel of a result, and a gray border.
Kind = Callable[[jax.Array], jax.Array]


def fixed_kinds() -> dict[str, Kind]:
    """Returns the kinds without parameters, from [1, h, w, 1] to [1, 4 h, 4 w, 1]."""
    return {
        "nearest\nneighbor": lambda x: nearest(x, FACTOR),
        "zeros\nbetween": lambda x: bed_of_nails(x, FACTOR),
        "unpooling\n(twice)": unpool_twice,
        "half-pixel\ncenters": lambda x: resize(x, larger(x)),
        "aligned\ncorners": lambda x: resize(x, larger(x), align_corners=True),
        "deconvolution\n8 x 8": lambda x: blocks.BilinearDeconv(
            stride=FACTOR, kernel=2 * FACTOR, crop=FACTOR // 2
        ).apply({}, x, larger(x)),
    }


def learned_kinds() -> dict[str, nn.Module]:
    """Returns the kinds with parameters, which map to maps of twice the size."""
    return {
        "transposed\n2 x 2": blocks.ConvTranspose(1, kernel=2, stride=2),
        "transposed\n3 x 3": blocks.ConvTranspose(1, kernel=3, stride=2),
        "transposed\n4 x 4": blocks.ConvTranspose(1, kernel=4, stride=2, padding=1),
        "sub-pixel\n3 x 3": blocks.SubPixelConv(1),
        "nearest,\nthen 3 x 3": blocks.ResizeConv(1),
    }


def larger(x: jax.Array) -> tuple[int, int]:
    """Returns FACTOR times the height and width of a map."""
    return FACTOR * x.shape[1], FACTOR * x.shape[2]


def unpool_twice(x: jax.Array) -> jax.Array:
    """Unpools to four times the size, with the positions of a fixed random map."""
    fine = jax.random.normal(jax.random.key(1), (1, *larger(x), 1))
    half, first = max_pool_argmax(fine)
    _, second = max_pool_argmax(half)
    x = max_unpool(x, second, half.shape[1:3])
    return max_unpool(x, first, fine.shape[1:3])


def impulse() -> jax.Array:
    """Returns a map [1, h, w, 1] that is 1 in one pixel and 0 elsewhere."""
    return jnp.zeros((1, SIZE, SIZE, 1)).at[0, 2, 2, 0].set(1.0)


def edge() -> jax.Array:
    """Returns a map [1, h, w, 1] that is 1 on one side of a slanted line, else 0."""
    row, column = jnp.indices((SIZE, SIZE))
    return (2 * column + row > 1.5 * SIZE + 0.5).astype(jnp.float32)[None, ..., None]


def respond(module: nn.Module, x: jax.Array) -> jax.Array:
    """Applies a block with its random initial weights to CHANNELS copies of a map."""
    x = jnp.repeat(x, CHANNELS, axis=-1)
    variables = module.init(jax.random.key(0), x)
    return module.apply(variables, x)


def panels() -> dict[str, tuple[list[charts.Chart], int]]:
    """Returns the panels of each picture, and the number of columns."""
    inputs = {"impulse": impulse(), "edge": edge()}
    fixed = [
        _panel(kind(x), name if key == "impulse" else "")
        for key, x in inputs.items()
        for name, kind in fixed_kinds().items()
    ]
    inputs["constant"] = jnp.ones((1, SIZE, SIZE, 1))
    learned = [
        _panel(respond(module, x), name if key == "impulse" else "", signed=True)
        for key, x in inputs.items()
        for name, module in learned_kinds().items()
    ]
    return {
        "fixed.png": (fixed, len(fixed_kinds())),
        "learned.png": (learned, len(learned_kinds())),
    }


def profiles() -> tuple[charts.Chart, charts.Layout]:
    """Returns the chart of one row across a vertical edge, for each coordinate rule."""
    row = (jnp.arange(4) >= 2).astype(jnp.float32)
    x = jnp.broadcast_to(row[None, None, :, None], (1, 4, 4, 1))
    pixels = np.arange(4 * FACTOR)
    names = {
        "half-pixel\ncenters": "half-pixel centers",
        "aligned\ncorners": "aligned corners",
        "deconvolution\n8 x 8": "deconvolution, crop 2",
    }
    lines = {
        title: charts.Line(pixels, np.asarray(fixed_kinds()[name](x)[0, 8, :, 0]))
        for name, title in names.items()
    }
    axes = charts.Axis("column of the result [pixel]"), charts.Axis("value")
    chart = charts.Lines(
        lines, x=axes[0], y=axes[1], title="The row 0 0 1 1, enlarged by 4"
    )
    return chart, charts.Layout(width=6, height=3)


def images() -> dict[str, bytes]:
    """Returns the content of each picture, by its name."""
    found = {
        name: charts.png(drawn, charts.Layout(columns=columns, width=1.5, height=1.9))
        for name, (drawn, columns) in panels().items()
    }
    return found | {"coordinates.png": charts.png(*profiles())}


def write() -> None:
    """Writes the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in images().items():
        atomic.write_bytes(FOLDER / name, content)


def _panel(result: jax.Array, title: str, *, signed: bool = False) -> charts.Picture:
    """An image of a map: black is 0 and white 1, or blue, white and red for signs."""
    values = np.asarray(result, np.float32)[0, ..., 0]
    if signed:
        values = values / np.abs(values).max()
        low, high = np.minimum(values, 0), np.maximum(values, 0)
        image = np.stack([1 + low, 1 + low - high, 1 - high], axis=-1)
    else:
        image = np.repeat(np.clip(values, 0, 1)[..., None], 3, axis=-1)
    image = np.uint8(np.round(255 * image)).repeat(SCALE, 0).repeat(SCALE, 1)
    image = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=FRAME)
    return charts.Picture(image, title)
