"""Makes the files that pages use without making them: `<!-- use: KIND PATH -->`."""

import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxseg.data.drawings.shapes import draw_scene

RUN = (
    "jaxseg train --workdir {folder} --model.options.width 4 --model.options.depth 2 "
    "--data.train-split train[:40] --data.eval-split validation[:6] --data.crop 32 32 "
    "--train.steps 10 --train.batch-size 4 --train.eval-every 10 --train.save-every 10"
)


CLASSES = ("background", "disc", "box", "triangle", "ring", "pole", "wire")
SPLITS = {"train": 6, "validation": 3}


def images(path: pathlib.Path) -> None:
    """Three drawn images of different sizes."""
    path.mkdir(parents=True)
    for number, size in enumerate(((48, 64), (48, 64), (40, 56))):
        image, _ = draw_scene(np.random.default_rng(number), size)
        Image.fromarray(image).save(path / f"{number}.png")


def dataset(path: pathlib.Path) -> None:
    """Drawn images and masks in two splits, with the names of the classes."""
    for folder, number, image, label in _scenes(path, "images", "masks"):
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(label).save(folder / "masks" / f"{number}.png")
    (path / "classes.txt").write_text("\n".join(CLASSES) + "\n")


def discs(path: pathlib.Path) -> None:
    """Images whose masks are 255 at objects and 0 elsewhere."""
    for folder, number, image, label in _scenes(path, "images", "masks"):
        mask = np.where((label > 0) & (label < 255), 255, 0).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


def slices(path: pathlib.Path) -> None:
    """Images and masks of 255 and 0 in the folders image/ and label/."""
    made = path.with_name(f"{path.name}_files")
    discs(made)
    for name, folder in (("image", "images"), ("label", "masks")):
        shutil.copytree(made / "train" / folder, path / name)


def unsplit(path: pathlib.Path) -> None:
    """Images and masks of 255 and 0 in the folders images/ and masks/."""
    slices(path)
    (path / "image").rename(path / "images")
    (path / "label").rename(path / "masks")


def cells(path: pathlib.Path) -> None:
    """Images with one mask for each of two classes that overlap."""
    for folder, number, image, label in _scenes(
        path, "images", "masks/cell", "masks/nucleus"
    ):
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        for name, chosen in (("cell", label > 0), ("nucleus", label == 2)):
            mask = (255 * chosen).astype(np.uint8)
            Image.fromarray(mask).save(folder / "masks" / name / f"{number}.png")


def scans(path: pathlib.Path) -> None:
    """Gray images of 16 bits as TIFF."""
    for folder, number, image, label in _scenes(path, "images", "masks"):
        gray = image.mean(axis=2).astype(np.uint16) * 10 + 100
        Image.fromarray(gray).save(folder / "images" / f"{number:02}.tif")
        Image.fromarray(label).save(folder / "masks" / f"{number:02}.png")


def fields(path: pathlib.Path) -> None:
    """Images of 16 bits with four bands as TIFF."""
    tifffile = pytest.importorskip("tifffile")
    for folder, number, image, label in _scenes(path, "images", "masks"):
        bands = np.concatenate([image, image[..., :1]], axis=2).astype(np.uint16) * 30
        tifffile.imwrite(folder / "images" / f"{number:02}.tif", bands)
        Image.fromarray(label).save(folder / "masks" / f"{number:02}.png")


def _scenes(path, *folders):
    """Yields the folder of a split, a number, an image and its label."""
    for split, count in SPLITS.items():
        for folder in folders:
            (path / split / folder).mkdir(parents=True)
        for number in range(count):
            random = np.random.default_rng([len(split), number])
            yield path / split, number, *draw_scene(random, (48, 64))


def copy_of(run: pathlib.Path):
    """The function that copies the trained run of the tests, as `use: run PATH`."""
    return lambda path: shutil.copytree(run, path)


KINDS = {
    function.__name__: function
    for function in (images, dataset, discs, slices, unsplit, cells, scans, fields)
}
