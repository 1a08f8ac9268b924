"""Reads lists and folders of published datasets, in order to pair images and masks.

The lists of published datasets can have several columns, and the masks of some datasets
are not image files. `jaxseg.data.layouts` has the functions for folders of images.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from jaxseg.data.files import SUFFIXES, name_key, visible_entries
from jaxseg.data.layouts import MissingFiles, Pair, require_folder
from jaxseg.storage.text import Line, read_lines

MATLAB = (".mat",)


def first_folder(root: pathlib.Path, *choices: str) -> pathlib.Path:
    """Returns the path of the first folder, out of several choices, that exists.

    Args:
      root: The folder that contains one of the choices.
      choices: The paths of the folders relative to the root, the preferred one first.

    Raises:
      MissingFiles: If none of them exists.
    """
    require_folder(root)
    for choice in choices:
        if (root / choice).is_dir():
            return root / choice
    expected = " or ".join(f"{choice}/" for choice in choices)
    raise MissingFiles(
        f"{root} is invalid: expected the folder {expected} in it. Correct the path."
    )


def files_by_name(
    folder: pathlib.Path, suffixes: tuple[str, ...] = SUFFIXES
) -> dict[str, pathlib.Path]:
    """Returns a dictionary from file names without suffix to the files of a folder.

    Args:
      folder: The folder.
      suffixes: The suffixes of the files to return, in lower case.

    Raises:
      MissingFiles: If the folder does not exist.
    """
    require_folder(folder)
    files = (p for p in visible_entries(folder) if p.suffix.lower() in suffixes)
    return {name_key(path.stem): path for path in files}


def read_names(path: pathlib.Path) -> list[Line]:
    """Returns the image names in the first column of a text file.

    Args:
      path: The text file, with one image per line. Blanks separate the columns.

    Returns:
      A list of pairs (line number, name).

    Raises:
      MissingFiles: If the list does not exist.
      ValueError: If the text cannot be read, or contains no name.
    """
    if not path.is_file():
        raise MissingFiles(
            f"{path} does not exist: expected the text file that lists the images of a "
            "split. Download it, or correct the path."
        )
    lines = read_lines(path)
    if not lines:
        raise ValueError(
            f"{path} contains no name of an image: expected one name per line. "
            "Download the list again."
        )
    return [Line(line.number, name_key(line.text.split()[0])) for line in lines]


def pairs_of_list(
    path: pathlib.Path,
    images: Mapping[str, pathlib.Path],
    masks: Mapping[str, pathlib.Path],
) -> list[Pair]:
    """Returns the pairs that a text file lists, in the order of the file.

    Args:
      path: The text file, as `read_names` reads it.
      images: The image files by name.
      masks: The mask files by name.

    Returns:
      A list of the pairs. A file that does not exist is None in its pair, and is
      reported as missing.
    """
    return [
        Pair(
            name,
            image=images.get(name),
            mask=masks.get(name),
            origin=f"{path.name}, line {number}",
        )
        for number, name in read_names(path)
    ]
