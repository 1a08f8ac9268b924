"""Converts annotation files to a folder of masks that `--data.name folder` reads."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence

from jaxseg.data import rasters
from jaxseg.data.files import list_folder, name_key, shown, visible_entries
from jaxseg.data.polygons.annotation import AnnotatedImage, DrawRules
from jaxseg.data.polygons.coco import read_coco
from jaxseg.data.polygons.draw import draw_labels
from jaxseg.data.polygons.fields import open_json
from jaxseg.data.polygons.label_studio import read_label_studio
from jaxseg.data.polygons.labelme import read_cityscapes_polygons, read_labelme
from jaxseg.data.reader import ReadOptions, read_header
from jaxseg.storage import atomic

# Only the sizes of images are read, so any type and any size is accepted.
_ANY = ReadOptions(pixels="stored", max_pixels=10**12)


def read_annotations(
    path: pathlib.Path,
) -> tuple[tuple[str, ...], list[AnnotatedImage]]:
    """Reads annotation files of COCO, labelme, Label Studio or Cityscapes.

    Args:
      path: A file of COCO, labelme, Label Studio or Cityscapes, or a folder of JSON
        files of labelme or Cityscapes.

    Returns:
      A tuple of the class names and a list of the annotated images. COCO files list
      their classes. For the other formats, the classes are the labels in the files, in
      alphabetical order.

    Raises:
      ValueError: If a file has none of these formats, cannot be read, or annotates no
        image.
    """
    names, images = _read(path)
    if not images:
        raise ValueError(
            f"{shown(path)} annotates no image: expected at least one. Annotate "
            "an image and export the file again."
        )
    return names, images


def _read(path: pathlib.Path) -> tuple[tuple[str, ...], list[AnnotatedImage]]:
    if path.is_dir():
        files = [p for p in visible_entries(path) if p.suffix.lower() == ".json"]
        if not files:
            raise ValueError(
                f"{shown(path)} contains no .json file: expected the annotation files "
                "of labelme or Cityscapes."
            )
        return _with_labels([_single(file) for file in files])
    root = open_json(path).value
    if isinstance(root, dict) and {"images", "annotations"} <= set(root):
        return read_coco(path)
    if isinstance(root, list):
        return _with_labels(read_label_studio(path))
    return _with_labels([_single(path)])


def write_folder(
    images: Iterable[AnnotatedImage],
    rules: DrawRules,
    *,
    source: pathlib.Path,
    target: pathlib.Path,
) -> int:
    """Writes label maps and links to their images to a folder, for training.

    The function creates `images/`, `masks/` and `classes.txt` in the folder `target`.
    All images are checked before anything is written.

    Args:
      images: The annotated images.
      rules: The rules for drawing their shapes.
      source: The folder of the image files.
      target: A folder that does not exist or is empty.

    Returns:
      The number of images.

    Raises:
      ValueError: If an image file is missing or its size differs from that in its
        annotation, two images share a name, a label is not a class, or the target is
        not empty.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{shown(target)} is not empty: expected a new folder.")
    images = list(images)
    files = _find_files(images, source)
    for image, file in zip(images, files, strict=True):
        _check_size(image, file)
    drawn = [draw_labels(image, rules) for image in images]
    for kind in ("images", "masks"):
        (target / kind).mkdir(parents=True)
    for file, labels in zip(files, drawn, strict=True):
        (target / "images" / file.name).symlink_to(file.resolve())
        atomic.write_bytes(
            target / "masks" / f"{file.stem}.png", rasters.encode_png(labels)
        )
    atomic.write_text(target / "classes.txt", "\n".join(rules.classes) + "\n")
    return len(images)


def _single(path: pathlib.Path) -> AnnotatedImage:
    root = open_json(path).value
    if isinstance(root, dict) and "objects" in root:
        return read_cityscapes_polygons(path)
    if isinstance(root, dict) and "shapes" in root:
        return read_labelme(path)
    raise ValueError(
        f"{shown(path)} has an unknown format: expected a file of COCO (images, "
        "annotations, categories), labelme (shapes), Label Studio (a list of tasks) or "
        "Cityscapes (objects)."
    )


def _with_labels(
    images: list[AnnotatedImage],
) -> tuple[tuple[str, ...], list[AnnotatedImage]]:
    labels = {shape.label for image in images for shape in image.shapes}
    return tuple(sorted(labels)), images


def _find_files(
    images: Sequence[AnnotatedImage], source: pathlib.Path
) -> list[pathlib.Path]:
    """Returns the image file of each annotation.

    Cityscapes files give a name without the suffix of an image file.
    """
    listed = list_folder(source).images
    entries = {name_key(p.stem): p for p in listed}
    entries |= {name_key(p.stem.removesuffix("_leftImg8bit")): p for p in listed}
    entries |= {name_key(p.name): p for p in listed}
    seen: dict[str, AnnotatedImage] = {}
    files = []
    for image in images:
        name = name_key(pathlib.PurePosixPath(image.name).name)
        file = entries.get(name)
        if file is None:
            raise ValueError(
                f"{image.origin} annotates {image.name!r}: expected this image in "
                f"{shown(source)}. Pass the folder of the image files."
            )
        if name_key(file.stem) in seen:
            raise ValueError(
                f"{image.origin} and {seen[name_key(file.stem)].origin} both annotate "
                f"{shown(file.name)}: expected one annotation per image. Remove one."
            )
        seen[name_key(file.stem)] = image
        files.append(file)
    return files


def _check_size(image: AnnotatedImage, file: pathlib.Path) -> None:
    """Raises ValueError if the annotation states another size than that of the file."""
    header = read_header(file, _ANY)
    if image.size == header.size:
        return
    stated, found = (f"{h} x {w}" for h, w in (image.size, header.size))
    remedy = "Pass the images that were annotated, or annotate these images"
    if image.size == header.stored_size:
        remedy = (
            "The orientation tag of the image is applied, so annotate the image as "
            "viewers show it, or remove the tag"
        )
    raise ValueError(
        f"{image.origin}: the size {stated} of image {image.name!r} is invalid: "
        f"expected {found} (height x width), the size of {shown(file)}. {remedy}."
    )
