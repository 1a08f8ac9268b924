"""Implements `jaxseg refine`, which segments one image by graph cuts.

    jaxseg refine IMAGE --scribbles PNG
    jaxseg refine IMAGE --box X0 Y0 X1 Y1
    jaxseg refine IMAGE --probabilities NPZ

With scribbles or a box, the command separates one object from the background. With the
probabilities that a network has predicted, it moves the boundaries between classes to
the edges in the image.

The scribbles are an image file of the same size as IMAGE, for example a copy of it on
which lines are drawn without smoothing. Pure red (255, 0, 0) marks pixels of the object
and pure blue (0, 0, 255) marks pixels of the background. All other colors are ignored.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.reading import BOUNDS as READING
from jaxseg.cli.reading import Reading
from jaxseg.cli.verbosity import note
from jaxseg.config import DataConfig
from jaxseg.data.ignore_index import void_of
from jaxseg.data.spec import Color, generated_palette
from jaxseg.inference.grabcut import COMPONENTS, GAMMA
from jaxseg.inference.images import read_rgb
from jaxseg.runs.rules import each, number, optional, whole
from jaxseg.storage import atomic
from jaxseg.storage.places import check_folder
from jaxseg.tasks.refinement import (
    GAMMA_OF_PROBABILITIES,
    CutOptions,
    Marks,
    cut_out,
    refined,
)
from jaxseg.viz import indexed_png, overlay, save_image

DEFAULT_READING = Reading()


BOUNDS = {
    "box": optional(each(whole())),
    "gamma": optional(number(0)),
    "components": whole(1, 1_000),
    "iterations": whole(1, 10_000),
    **READING,
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Cut out an object from scribbles or a box, or refine predicted probabilities.

    With scribbles or a box, the pixels of NAME.png are 0 for the background and 1 for
    the object. With probabilities, they are class indices.
    """

    image: tyro.conf.Positional[Path]
    """Image file to segment. --probabilities must have been predicted for it."""
    scribbles: Path | None = None
    """Image file of the same size as the image, on which red marks pixels of the object
    and blue marks pixels of the background."""
    box: tuple[int, int, int, int] | None = None
    """Box around the object, X0 Y0 X1 Y1 in pixels. Column X1 and row Y1 are outside of
    the box."""
    probabilities: Path | None = None
    """The file NAME.npz that `jaxseg predict --probabilities` has written for the
    image."""
    method: Literal["grabcut", "graphcut"] | None = None
    """'grabcut', the default, alternates between a graph cut and fitting the colors of
    object and background. 'graphcut' cuts only once."""
    gamma: float | None = None
    """Weight of the cost of boundaries: larger numbers give shorter and smoother
    boundaries. The default is 50 for scribbles or a box and 10
    for probabilities."""
    components: int = COMPONENTS
    """Number of components of the Gaussian mixtures that model the colors of the object
    and of the background."""
    iterations: int = 20
    """Largest number of iterations of grabcut, each with one graph cut. It ends earlier
    if the energy no longer decreases."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("refined")
    """Directory for NAME.png and NAME_overlay.png."""
    overlay: bool = True
    """Write NAME_overlay.png, which shows the segmentation on the image."""
    data: Reading = DEFAULT_READING


def main(argv: list[str]) -> int:
    """Segments one image by graph cuts and writes the result; the exit status is 0."""
    options = parsed(Arguments, argv, prog="jaxseg refine", bounds=BOUNDS)
    check(options)
    reading = options.data.over(DataConfig())
    image = read_rgb(options.image, reading)
    if options.probabilities is not None:
        gamma = GAMMA_OF_PROBABILITIES if options.gamma is None else options.gamma
        found = refined(image, options.probabilities, gamma)
        print(f"{100 * found.changed:.1f} % of the pixels changed their class")
        label, palette = found.label, generated_palette(found.num_classes)
    else:
        marks = Marks(options.scribbles, options.box)
        cut = cut_out(image, marks, options=cut_options(options), reading=reading)
        steps = ", ".join(f"{value:,.0f}" for value in cut.energies)
        share = 100 * cut.label.mean()
        print(f"energy {steps}; the object takes {share:.1f} % of the image")
        label, palette = cut.label, generated_palette(2)
    write(options, image=image, label=label, palette=palette)
    return 0


def cut_options(options: Arguments) -> CutOptions:
    """Returns the `CutOptions` of the graph cut that separates the object."""
    return CutOptions(
        method=options.method or "grabcut",
        gamma=GAMMA if options.gamma is None else options.gamma,
        components=options.components,
        iterations=options.iterations,
    )


def check(options: Arguments) -> None:
    """Raises ValueError if options of `jaxseg refine` contradict each other."""
    by_hand = options.scribbles is not None or options.box is not None
    if by_hand == (options.probabilities is not None):
        raise ValueError(
            f"probabilities={options.probabilities} is invalid with scribbles="
            f"{options.scribbles} and box={options.box}: expected --scribbles, --box "
            "or both, or --probabilities alone."
        )
    if options.probabilities is not None and options.method is not None:
        raise ValueError(
            f"method={options.method!r} is invalid with --probabilities, which has "
            "only one method: expected no --method. Leave out --method."
        )
    if options.method == "graphcut" and options.scribbles is None:
        raise ValueError(
            "method='graphcut' is invalid without --scribbles: expected strokes on "
            "object and background. Add --scribbles, or use --method grabcut."
        )
    check_folder("output", options.output)


def write(
    options: Arguments, image: np.ndarray, label: np.ndarray, palette: tuple[Color, ...]
) -> None:
    """Writes the label map as an indexed PNG and, if requested, the overlay.

    Args:
      options: The options of the command, which name the folder of the results.
      image: The image, on which the overlay draws the colors of the classes.
      label: The class of each pixel, integers [H, W].
      palette: The RGB color of each class.

    Raises:
      ValueError: If a result would replace an input file.
    """
    name = options.image.stem
    targets = [options.output / f"{name}.png"]
    if options.overlay:
        targets.append(options.output / f"{name}_overlay.png")
    read = {os.path.realpath(p) for p in (options.image, options.scribbles) if p}
    for target in targets:
        if os.path.realpath(target) in read:
            raise ValueError(
                f"output={str(options.output)!r} is invalid: {target} would replace "
                "an input. Choose another -o."
            )
    options.output.mkdir(parents=True, exist_ok=True)
    void = void_of(len(palette))  # No pixel is void, but 255 can be a class.
    atomic.sweep(options.output)
    save_image(targets[0], indexed_png(label, palette, void=void))
    if options.overlay:
        save_image(targets[1], overlay(image, label, palette, void=void))
    note(f"{options.image} -> {targets[0]}")
