"""Encodes the segmentation of one image as the answer to a request."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from jaxseg import viz
from jaxseg.inference.prediction import Prediction
from jaxseg.serve.parameters import PredictParameters


class Answer(NamedTuple):
    """Contains the bytes of an HTTP answer and their media type."""

    content: bytes
    kind: str


def answer_of(prediction: Prediction, parameters: PredictParameters) -> Answer:
    """Returns the answer to a request: a segmentation in the requested file format.

    Apart from "json", the formats are those of the files that `jaxseg predict` writes.
    "labels" is an indexed PNG, or a zip file with one PNG for each class if classes can
    overlap. "overlay" is a PNG, and "probabilities" is an .npz file. "json" is for
    programs that show the result; `as_json` describes it.

    Args:
      prediction: The segmentation.
      parameters: The options of the request.
    """
    if parameters.answer == "overlay":
        return _picture(Image.fromarray(prediction.overlay(alpha=parameters.alpha)))
    if parameters.answer == "probabilities":
        return _probabilities(prediction)
    if parameters.answer == "json":
        content = as_json(prediction, picture=parameters.picture)
        return Answer(json.dumps(content).encode(), "application/json")
    spec = prediction.spec
    if spec.multilabel:
        return _masks(prediction)
    return _picture(
        viz.indexed_png(prediction.labels, spec.palette, void=spec.void),
    )


def _picture(picture: Image.Image) -> Answer:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Answer(buffer.getvalue(), "image/png")


def _masks(prediction: Prediction) -> Answer:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for k, name in enumerate(prediction.spec.classes):
            mask = prediction.labels[..., k].astype(np.uint8) * 255
            content = _picture(Image.fromarray(mask)).content
            archive.writestr(f"{name.replace('/', '_')}.png", content)
    return Answer(buffer.getvalue(), "application/zip")


def _probabilities(prediction: Prediction) -> Answer:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        probabilities=prediction.probabilities.astype(np.float16),
        classes=np.array(prediction.spec.classes),
    )
    return Answer(buffer.getvalue(), "application/octet-stream")


def as_json(prediction: Prediction, *, picture: bool = False) -> dict[str, Any]:
    """Returns a segmentation as a dictionary of values that JSON can represent.

    Each array is an object with `shape`, `type` and `data`. `data` contains the bytes
    in C order, little endian, compressed by zlib and encoded in base64. The arrays are:

    - `labels`, uint8 or uint16 [H, W], or uint8 [K, H, W] (1 where the class is
      present) if classes can overlap;
    - `confidence`, uint8 with the same shape: 255 times the probability of the label,
      or of each class if classes can overlap;
    - `image`, uint8 [H, W, 3], if `picture` is set.

    `size` is the height and width of the image, and `shares` contains, for each class,
    the fraction of the pixels that belong to it.

    Args:
      prediction: The segmentation.
      picture: Whether to include the image as 8-bit RGB.
    """
    spec, soft = prediction.spec, prediction.probabilities
    if spec.multilabel:
        labels = np.moveaxis(prediction.labels, -1, 0).astype(np.uint8)
        chosen = np.moveaxis(soft, -1, 0)
        shares = labels.mean((1, 2))
    else:
        labels = prediction.labels.astype(spec.label_dtype)
        chosen = np.take_along_axis(soft, prediction.labels[..., None], -1)[..., 0]
        counts = np.bincount(labels.ravel(), minlength=spec.num_classes)
        shares = counts / labels.size
    found = {
        "size": list(prediction.image.shape[:2]),
        "shares": [round(float(share), 6) for share in shares],
        "labels": packed(labels),
        "confidence": packed((chosen * 255 + 0.5).astype(np.uint8)),
    }
    if picture:
        view = viz.as_rgb(prediction.image, spec.value_range)
        found["image"] = packed(np.ascontiguousarray(view))
    return found


def packed(array: np.ndarray) -> dict[str, Any]:
    """Returns an array as a JSON object with `shape`, `type` and `data`.

    `data` is the bytes of the array, compressed by zlib and encoded in base64.
    """
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    data = zlib.compress(little.tobytes(), 1)
    return {
        "shape": list(array.shape),
        "type": array.dtype.name,
        "data": base64.b64encode(data).decode(),
    }
