"""Separates an object from the background, as `jaxseg refine` does."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from jaxseg.data.read_options import ReadOptions
from jaxseg.data.spec import DatasetSpec, generated_palette
from jaxseg.data.trained_images import read_like
from jaxseg.runs.rules import invalid, number, whole
from jaxseg.serve.answers import Answer, packed
from jaxseg.serve.parameters import converted
from jaxseg.serve.refusal import Refusal
from jaxseg.tasks.refinement import CutOptions, Marks, cut_out
from jaxseg.viz import as_rgb, indexed_png

MOST_CUTS, MOST_COMPONENTS = 20, 20
DEFAULT = CutOptions(iterations=3)  # A person waits for the result.


def _box(name: str, text: str) -> tuple[int, int, int, int]:
    try:
        x0, y0, x1, y1 = map(int, text.split(","))
    except ValueError:
        raise ValueError(invalid(name, text, "X0,Y0,X1,Y1 in pixels")) from None
    return x0, y0, x1, y1


def _answer(name: str, text: str) -> str:
    if text not in ("mask", "json"):
        raise ValueError(invalid(name, text, "mask or json"))
    return text


def _method(name: str, text: str) -> str:
    if text not in ("grabcut", "graphcut"):
        raise ValueError(invalid(name, text, "grabcut or graphcut"))
    return text


def _gamma(name: str, text: str) -> float:
    return _checked(number(0), name, text, float)


def _components(name: str, text: str) -> int:
    return _checked(whole(1, MOST_COMPONENTS), name, text, int)


def _iterations(name: str, text: str) -> int:
    return _checked(whole(1, MOST_CUTS), name, text, int)


def _checked(rule: Any, name: str, text: str, kind: type) -> Any:
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(invalid(name, text, rule.expected)) from None
    rule.check(name, value)
    return value


FIELDS: dict[str, Callable[[str, str], Any]] = {
    "answer": _answer,
    "box": _box,
    "method": _method,
    "gamma": _gamma,
    "components": _components,
    "iterations": _iterations,
}


class CutRequest(NamedTuple):
    """Contains a request for a graph cut, which separates an object from the rest.

    Attributes:
      image: The image file.
      marks: The scribbles (strokes on object and background), the box around the
        object, or both.
      options: The options of the cut.
      answer: The format of the answer: "mask", an indexed PNG, or "json".
    """

    image: Path
    marks: Marks
    options: CutOptions
    answer: str = "mask"


def cut_request(
    fields: Mapping[str, str], image: Path, scribbles: Path | None
) -> CutRequest:
    """Returns a request for a graph cut from the fields of an HTTP request.

    Args:
      fields: The fields of the query and of the form.
      image: The image file.
      scribbles: The file with strokes on object and background, or None.

    Raises:
      Refusal: With the status 400 if a field is unknown or has an invalid value.
    """
    try:
        values = converted(fields, FIELDS)
        answer = values.pop("answer", "mask")
        marks = Marks(scribbles, values.pop("box", None))
        if marks == Marks():
            raise ValueError(
                "box is missing: expected the field box, the file field scribbles, or "
                "both. Send at least one of them."
            )
        if values.get("method") == "graphcut" and scribbles is None:
            raise ValueError(
                "method='graphcut' is invalid without scribbles: expected strokes on "
                "object and background. Send scribbles, or use method=grabcut."
            )
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    options = dataclasses.replace(DEFAULT, **values)
    return CutRequest(image, marks, options, answer)


def cut(request: CutRequest, reading: ReadOptions, spec: DatasetSpec) -> Answer:
    """Separates the object that a user has marked in an image from its background.

    Args:
      request: The request.
      reading: The options with which image files are read.
      spec: The number of channels and the value range of images for the network.

    Returns:
      An indexed PNG, in which 1 is the object and 0 the background. If JSON was
      requested, an object with two keys: "object" has the same labels, and "share" the
      fraction of all pixels that belong to the object.

    Raises:
      ValueError: If a file cannot be read or the marks are invalid.
    """
    image = as_rgb(read_like(request.image, reading, spec), spec.value_range)
    strokes = ReadOptions(max_pixels=reading.max_pixels)
    found = cut_out(image, request.marks, options=request.options, reading=strokes)
    if request.answer == "json":
        share = float(found.label.mean())
        content = {"object": packed(found.label), "share": round(share, 6)}
        return Answer(json.dumps(content).encode(), "application/json")
    return _as_png(found.label)


def _as_png(label: np.ndarray) -> Answer:
    buffer = io.BytesIO()
    picture: Image.Image = indexed_png(label, generated_palette(2))
    picture.save(buffer, "PNG")
    return Answer(buffer.getvalue(), "image/png")
