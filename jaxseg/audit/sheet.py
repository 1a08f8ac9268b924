"""Draws augmented examples, their labels and their random parameters in one picture."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxseg.audit.examples import Example, shown_pixels
from jaxseg.audit.label_overlay import label_overlay
from jaxseg.data.spec import DatasetSpec
from jaxseg.storage.json_file import write_json
from jaxseg.text import printable
from jaxseg.viz import as_rgb, enlarge, legend, save_image

GAP = 8  # White pixels between the parts.
LISTED = 30  # A legend with more classes would hide the examples.
TEXT = 330  # The width of the column of parameters in pixels.
LINE = 17  # The height of a line of text in pixels.
WRAPPED = 44  # The largest number of characters of a line of text.


def words(example: Example) -> list[str]:
    """Returns a list of lines of text that describe the augmentation of an example."""
    drawn, window = example.drawn, example.drawn.window
    scale = example.scale[0]
    lines = [
        f"position {example.position}: {printable(example.name, limit=40)}",
        f"scale {scale:.3f}: {_size(example.size)} to {_size(window.scaled)}",
        f"crop {_size(example.label.shape)} at row {window.offset[0]}, "
        f"column {window.offset[1]}",
        f"mirrored: {'yes' if example.mirrored else 'no'}",
        "brightness {:.3f}, contrast {:.3f},".format(*example.factors[:2]),
        f"saturation {example.factors[2]:.3f}",
    ]
    if drawn.nodes is not None:
        lines.append(f"elastic: up to {np.abs(drawn.nodes).max():.1f} pixels")
    for applied in drawn.applied:
        name, values = applied.entry.name, applied.drawn.items()
        text = ", ".join(f"{key} {_value(value)}" for key, value in values)
        lines += textwrap.wrap(printable(f"{name}: {text}" if text else name), WRAPPED)
    return lines


def _value(value: Any) -> str:
    """Returns a drawn parameter as short text."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        numbers = np.array(value).ravel()
        if numbers.dtype.kind in "fi" and len(numbers) > 8:
            return f"from {numbers.min():.2f} to {numbers.max():.2f}"
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def contact_sheet(
    rows: Sequence[tuple[np.ndarray, np.ndarray, list[str]]], spec: DatasetSpec
) -> Image.Image:
    """Draws a picture with a row for each example, and a legend of the classes.

    The legend is left out if there are more than 30 classes.

    Args:
      rows: What is shown side by side for each example: the image, the image with its
        label drawn over it, both uint8 [h, w, 3], and lines of text.
      spec: The classes and their colors.

    Returns:
      The picture, an image of Pillow.
    """
    heights = [max(image.shape[0], LINE * len(text)) + GAP for image, _, text in rows]
    width = max(image.shape[1] + over.shape[1] for image, over, _ in rows)
    width += TEXT + 3 * GAP
    names = list(zip(spec.classes, spec.palette, strict=True))
    colors = legend(names if len(names) <= LISTED else [], width)
    sheet = Image.new("RGB", (width, sum(heights) + len(colors)), (255, 255, 255))
    sheet.paste(Image.fromarray(colors), (0, sum(heights)))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    top = 0
    for (image, over, text), height in zip(rows, heights, strict=True):
        sheet.paste(Image.fromarray(image), (0, top))
        left = image.shape[1] + GAP
        sheet.paste(Image.fromarray(over), (left, top))
        left += over.shape[1] + GAP
        for number, line in enumerate(text):
            draw.text((left, top + LINE * number), line, fill=(0, 0, 0), font=font)
        top += height
    return sheet


def write_examples(
    examples: Sequence[Example], spec: DatasetSpec, folder: pathlib.Path
) -> pathlib.Path:
    """Writes the pictures and the random parameters of augmented examples.

    For the example at position N, N_image.png shows the image and N_overlay.png also
    shows the label. These pictures have the size of the crop. sheet.png shows all
    examples, and enlarges small ones. examples.json contains the random parameters.

    Args:
      examples: The augmented examples.
      spec: The classes, and the normalization that is undone for the pictures.
      folder: The folder to write to.

    Returns:
      The path of sheet.png.
    """
    rows = []
    for example in examples:
        pixels = as_rgb(shown_pixels(example.image, spec.mean, spec.std))
        over = label_overlay(pixels, example.label, spec)
        save_image(folder / f"{example.position:06d}_image.png", pixels)
        save_image(folder / f"{example.position:06d}_overlay.png", over)
        rows.append((enlarge(pixels), enlarge(over), words(example)))
    write_json(folder / "examples.json", [each.parameters() for each in examples])
    save_image(folder / "sheet.png", contact_sheet(rows, spec))
    return folder / "sheet.png"
