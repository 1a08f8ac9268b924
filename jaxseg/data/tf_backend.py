"""Yields the batches of the Grain pipeline through tf.data.

The dataset is stored as TFRecord files, which the builder reads with `as_dataset`. The
order, the crops and the seeds come from the functions that the Grain pipeline uses.
Both pipelines therefore yield equal labels, and images that are equal up to rounding.
Encoded examples are kept in memory, because TFRecord has no random access. TensorFlow
decodes and resizes the pixels.

In jaxseg, only this module and `jaxseg.inference.export` import TensorFlow, and they do
so on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data.draws import Examples, train_draw
from jaxseg.data.spec import VOID, DatasetSpec
from jaxseg.data.transforms import sample_window


def load_tensorflow() -> Any:
    """Returns the module `tensorflow` and hides the accelerators from it.

    Raises:
      ValueError: If TensorFlow is not installed.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ValueError(
            "data.backend='tf' is invalid: expected TensorFlow to be installed. "
            "Install jaxseg[tf], or use data.backend='grain'."
        ) from error
    for kind in ("GPU", "TPU"):
        tf.config.set_visible_devices([], kind)
    return tf


def check_pixels(spec: DatasetSpec) -> None:
    """Raises ValueError unless images are 8-bit RGB and labels have 8 bits."""
    if not spec.is_rgb8 or spec.void != VOID:
        raise ValueError(
            "data.backend='tf' is invalid: expected 'grain', because the dataset "
            f"{spec.name!r} has {spec.channels} channels of {spec.image_type} and "
            f"labels of {8 * spec.label_dtype.itemsize} bits, and tf.data reads only "
            "8-bit RGB and 8-bit labels. Pass --data.backend grain."
        )


def read_records(
    builder: tfds.core.DatasetBuilder, split: str, *, decoders: Any = None
) -> Sequence[dict[str, Any]]:
    """Returns a list of all encoded examples of a split, in their stored order.

    An example is a dictionary from the name of each feature to its value.

    Args:
      builder: A prepared builder.
      split: A split, or a slice such as "train[90%:]".
      decoders: The `decoders` argument of tensorflow_datasets, which selects the
        features to read and decode. By default image and label stay encoded.
    """
    if decoders is None:
        decoders = {name: tfds.decode.SkipDecoding() for name in ("image", "label")}
    load_tensorflow()
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=decoders,
        read_config=tfds.ReadConfig(interleave_cycle_length=1),
    )
    return list(dataset.as_numpy_iterator())


def train_stream(
    source: Examples,
    config: DataConfig,
    seed: int,
    position: Callable[[int], int],
    start: int,
    share: int,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the batches of `jaxseg.data.pipeline.train_batches`, read through tf.data.

    Args:
      source: The examples.
      config: The crop and the scale range.
      seed: The seed of the training stream.
      position: A function that maps k, for the k-th example that this process reads, to
        the position of this example in the training stream.
      start: The first k. The first example of the stream has k = 0.
      share: The number of examples per batch that this process yields.
    """
    tf = load_tensorflow()
    encoded = _encoded(tf, source)
    sizes = source.sizes

    def draw(local: np.ndarray) -> np.ndarray:
        index, rng, device_seed = train_draw(source, config, seed, position(int(local)))
        window = sample_window(
            rng, sizes[index], crop=config.crop, scale_range=config.scale_range
        )
        values = (index, device_seed, *window.scaled, *window.offset)
        return np.array(values, np.int64)

    def example(local):
        values = tf.ensure_shape(tf.numpy_function(draw, [local], tf.int64), [6])
        image, label = _decoded(tf, encoded, values[0])
        fill = source.spec.mean_color
        return {
            "image": _cut_image(tf, image, values[2:4], values[4:6], config.crop, fill),
            "label": _cut_label(tf, label, values[2:4], values[4:6], config.crop),
            "seed": tf.cast(values[1], tf.uint32),
            "index": tf.cast(values[0], tf.int32),
        }

    stream = tf.data.Dataset.range(start, tf.int64.max)
    return _batches(stream.map(example, **_threads(source)), share)


def eval_stream(
    source: Examples, plan: list[tuple[tuple[int, int], list[int]]]
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the batches of `jaxseg.data.pipeline.eval_batches`, read through tf.data.

    Args:
      source: The examples.
      plan: For each batch, the pair of the padded (H, W) and the indices of its
        examples. The index -1 stands for an example that consists of padding only.
    """
    tf = load_tensorflow()
    encoded = _encoded(tf, source)
    slots = [(index, *size) for size, indices in plan for index in indices]
    share = len(plan[0][1])

    def example(slot):
        index, size = slot[0], slot[1:]
        image, label = _decoded(tf, encoded, tf.maximum(index, 0))
        shape = tf.shape(label, tf.int64)
        rows = (tf.range(size[0]) < shape[0]) & (index >= 0)
        columns = tf.range(size[1]) < shape[1]
        inside = rows[:, None] & columns
        extra = [[0, size[0] - shape[0]], [0, size[1] - shape[1]]]
        image = tf.pad(image, [*extra, [0, 0]])
        fill = tf.constant(source.spec.mean_color, tf.uint8)
        return {
            "image": tf.where(inside[..., None], image, fill),
            "label": tf.where(inside, tf.pad(label, extra), np.uint8(VOID)),
            "index": tf.cast(index, tf.int32),
        }

    stream = tf.data.Dataset.from_tensor_slices(np.array(slots, np.int64))
    return _batches(stream.map(example, **_threads(source)), share)


def _threads(source: Examples) -> dict[str, Any]:
    return {"num_parallel_calls": max(1, source.workers), "deterministic": True}


def _batches(dataset, share: int) -> Iterator[dict[str, np.ndarray]]:
    batches = dataset.batch(share, drop_remainder=True).prefetch(2)
    yield from batches.as_numpy_iterator()


def _encoded(tf, source: Examples) -> tuple[Any, Any]:
    images = tf.constant([record["image"] for record in source.records])
    return images, tf.constant([record["label"] for record in source.records])


def _decoded(tf, encoded: tuple[Any, Any], index) -> tuple[Any, Any]:
    data = encoded[0][index]
    image = tf.cond(
        tf.io.is_jpeg(data),
        # Pillow uses this transform. TensorFlow's default differs by up to 14 levels.
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(data, channels=3),
    )
    return image, tf.io.decode_png(encoded[1][index], channels=1)[..., 0]


def _cut_image(tf, image, scaled, offset, crop, fill):
    """Returns the crop of an image, resized by Pillow's filter with float32 sums."""
    size = tf.shape(image, tf.int64)[:2]
    part = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=crop,
        scale=tf.cast(scaled / size, tf.float32),
        translation=-tf.cast(offset, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )[0]
    part = tf.cast(tf.clip_by_value(tf.floor(part + 0.5), 0, 255), tf.uint8)
    inside = _inside(tf, scaled, offset, crop)[..., None]
    return tf.where(inside, part, tf.constant(fill, tf.uint8))


def _cut_label(tf, label, scaled, offset, crop):
    """Returns the crop of a label, by the formula of `transforms.nearest`."""
    size = tf.shape(label, tf.int64)
    for axis in (0, 1):
        target = tf.range(crop[axis], dtype=tf.int64) + offset[axis]
        near = (2 * target + 1) * size[axis] // (2 * scaled[axis])
        label = tf.gather(label, tf.clip_by_value(near, 0, size[axis] - 1), axis=axis)
    return tf.where(_inside(tf, scaled, offset, crop), label, np.uint8(VOID))


def _inside(tf, scaled, offset, crop):
    """Returns which pixels of the crop are inside the image, bool [*crop]."""
    rows, columns = (
        tf.range(crop[axis], dtype=tf.int64) + offset[axis] for axis in (0, 1)
    )
    rows = (rows >= 0) & (rows < scaled[0])
    return rows[:, None] & (columns >= 0) & (columns < scaled[1])
