"""Reads every image and mask of a dataset once, with several threads."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from jaxseg.audit import hashing
from jaxseg.audit.overlapping import pixels_of_classes
from jaxseg.audit.record import Fault, ImageFacts, MaskFacts, Record, Sample
from jaxseg.data import kinds
from jaxseg.data.builders.pairs_config import PairsConfig
from jaxseg.data.class_folders import MissingMask
from jaxseg.data.files import shown
from jaxseg.data.header import Header
from jaxseg.data.layouts import Pair
from jaxseg.data.mask_values import count_values
from jaxseg.data.pair_rules import check_size, is_text, missing
from jaxseg.data.parts import File, Page
from jaxseg.data.pixel_type import RGB8, PixelType
from jaxseg.data.reader import read_header, read_pixels
from jaxseg.data.transforms import nearest
from jaxseg.viz import as_rgb

SAMPLES = 8  # Pairs of each split on the contact sheet.
SAMPLE_SIDE = 512  # The larger side of a sample in pixels.
VALUES = 1024  # Values of each image from which percentiles are computed.

Splits = dict[str, list[Pair]]


def scan(
    config: PairsConfig,
    splits: Splits,
    *,
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> list[Record]:
    """Reads all pairs of images and masks, and records their properties.

    Args:
      config: The dataset and the options of the image reader.
      splits: The pairs of each split.
      threads: The number of threads.
      advance: A function that is called after each pair.

    Returns:
      A list with the properties of each pair, as a `Record`, in the order of `splits`.
    """
    jobs = [(split, *job) for split, pairs in splits.items() for job in _chosen(pairs)]
    records = []
    with concurrent.futures.ThreadPoolExecutor(max(threads, 1)) as pool:
        for record in pool.map(lambda job: examine(config, *job), jobs):
            records.append(record)
            advance()
    return records


def _chosen(pairs: list[Pair]) -> Iterator[tuple[Pair, bool]]:
    """Yields each pair, and whether it is on the contact sheet."""
    count = min(SAMPLES, len(pairs))
    on_sheet = {len(pairs) * k // count for k in range(count)}
    for index, pair in enumerate(pairs):
        yield pair, index in on_sheet


def examine(config: PairsConfig, split: str, pair: Pair, sampled: bool) -> Record:
    """Reads an image and its mask, and returns a `Record` of properties and faults.

    Args:
      config: The dataset and the options of the image reader.
      split: The name of the split.
      pair: The pair.
      sampled: Whether a small copy of the pair is kept for the report.
    """
    faults = [
        Fault(f"missing_{kind}", missing(pair, kind, config.path))
        for kind in ("image", "mask")
        if getattr(pair, kind) is None
    ]
    if not is_text(pair.name):
        text = f"{shown(pair.name)}: the file name is not UTF-8. Rename the file."
        faults.append(Fault("bad_name", text))
    image = mask = pixels = label = header = None
    if pair.image is not None:
        image, pixels, header = _read_image(config, pair.image, faults)
    if pair.mask is not None:
        mask, label = _read_mask(config, pair.mask, faults)
    if image is not None and mask is not None:
        try:
            check_size(pair, image.size, mask.size, header=header, masks=config.masks)
        except ValueError as error:
            faults.append(Fault("size_mismatch", str(error)))
            label = None
    sample = small_copy(pixels, label) if sampled and pixels is not None else None
    return Record(
        split, pair=pair, image=image, mask=mask, faults=tuple(faults), sample=sample
    )


def _read_image(
    config: PairsConfig, path: File, faults: list[Fault]
) -> tuple[ImageFacts | None, np.ndarray | None, Header | None]:
    header, kind, read_page = None, None, config.dataset.read_page
    try:
        if read_page is not None and isinstance(path, Page):
            pixels = read_page(path)
            return image_facts(pixels, None), pixels, None
        header = read_header(path, config.reading)
        pixels = read_pixels(path, config.reading)
        if header.pixels != config.pixels:
            kind = "other_pixels"
        config.check_pixels(path, header.pixels)
    except ValueError as error:
        if kind is None:
            wide = header is not None and header.mode in kinds.WIDE
            kind = "wide_image" if wide else "unreadable_image"
        faults.append(Fault(kind, str(error)))
        return None, None, header
    return image_facts(pixels, header), pixels, header


def image_facts(pixels: np.ndarray, header: Header | None) -> ImageFacts:
    """Returns the `ImageFacts`: the size, the value range and further properties.

    Args:
      pixels: The pixels, [H, W, C] of uint8, uint16 or float32.
      header: The header of the file, or None if it is not an image file.
    """
    low, high, sums, squares = _moments(pixels)
    gray = hashing.gray_values(view(pixels))
    return ImageFacts(
        size=pixels.shape[:2],
        form=_form(header),
        orientation=header.orientation if header else 1,
        low=low,
        high=high,
        sums=sums,
        squares=squares,
        values=pixels.ravel()[:: -(-pixels.size // VALUES)].astype(np.float32),
        digest=hashing.pixel_digest(pixels),
        hash=hashing.perceptual_hash(gray),
        gray=gray,
    )


def _moments(pixels: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Returns the range, and for each channel the sums of values and of squares."""
    flat = pixels.reshape(-1, pixels.shape[-1])
    if pixels.dtype.kind == "f":
        wide = flat.astype(np.float64)
        return float(flat.min()), float(flat.max()), wide.sum(0), (wide**2).sum(0)
    size = int(np.iinfo(pixels.dtype).max) + 1
    counts = np.stack([np.bincount(channel, minlength=size) for channel in flat.T])
    values = np.arange(size, dtype=np.int64)
    present = np.flatnonzero(counts.sum(axis=0))
    low, high = int(present[0]), int(present[-1])
    return low, high, counts @ values, counts @ values**2


def view(pixels: np.ndarray) -> np.ndarray:
    """Converts an image of any type to uint8 [H, W, 3], to compare it with others.

    If the image is not 8-bit RGB, its smallest value becomes 0 and its largest value
    255, so that copies with another brightness are found.

    Args:
      pixels: The image, [H, W, C] of uint8, uint16 or float32.
    """
    if PixelType.of(pixels) == RGB8:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    return as_rgb(pixels, (low, high if high > low else low + 1))


def _read_mask(
    config: PairsConfig, path: File, faults: list[Fault]
) -> tuple[MaskFacts | None, np.ndarray | None]:
    masks, header, lossy = config.masks, None, False
    try:
        if masks.read_values is None:
            header = read_header(path, config.reading, mask=True)
            lossy = header.lossy
        mask, lossy = masks.values(path)
    except MissingMask as error:
        faults.append(Fault("missing_mask", str(error)))
        return None, None
    except ValueError as error:
        kind = "lossy_mask" if lossy and not masks.given else "unreadable_mask"
        faults.append(Fault(kind, str(error)))
        return None, None
    label = None
    try:
        label = masks.to_labels(path, mask, lossy=lossy)
    except ValueError as error:
        faults.append(Fault("mask_value", str(error)))
    values = count_values(mask)
    labels = None if label is None else count_values(label)
    if masks.multilabel:
        labels = pixels_of_classes(values, len(config.class_names))
    facts = MaskFacts(
        size=mask.shape,
        form=_form(header),
        lossy=lossy,
        values=values,
        labels=labels,
    )
    return facts, label


def _form(header: Header | None) -> str:
    return "" if header is None else f"{header.format} {header.mode}"


def small_copy(pixels: np.ndarray, label: np.ndarray | None) -> Sample:
    """Reduces an image and its label so that the larger side has at most 240 pixels.

    Args:
      pixels: The image, [H, W, C] of uint8, uint16 or float32.
      label: The label, integers [H, W], or None.

    Returns:
      A `Sample`, with the reduced image and label.
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, SAMPLE_SIDE / max(height, width))
    rows, columns = (max(1, round(side * factor)) for side in (height, width))
    picture = _reduced(pixels, (columns, rows))
    if label is not None:
        row = nearest(np.arange(rows), height, rows)
        column = nearest(np.arange(columns), width, columns)
        label = label[row[:, None], column]
    return Sample(picture, label)


def _reduced(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Averages the channels that pictures show over blocks of pixels.

    The values of images that are not 8-bit RGB become float32.
    """
    box = Image.Resampling.BOX
    if PixelType.of(pixels) == RGB8:
        return np.asarray(Image.fromarray(pixels).resize(size, box))
    shown = 3 if pixels.shape[-1] >= 3 else 1
    planes = pixels[..., :shown].astype(np.float32).transpose(2, 0, 1)
    reduced = [Image.fromarray(plane).resize(size, box) for plane in planes]
    return np.stack(reduced, axis=-1)
