"""Decides which files of a folder count as images, and how their names are compared.

The preparation of datasets and `jaxseg predict` share these rules, so that both find
the same images in a folder:

- A file counts as an image if its suffix is one of `SUFFIXES`, in upper or lower case.
  A broken link with such a suffix counts too, so that it is reported as a bad file.
- Files that operating systems and editors create never count: all names that start with
  a dot (`._a.png`, `.ipynb_checkpoints`), `__MACOSX`, `@eaDir`, `Thumbs.db` and
  `desktop.ini`.
- Everything else in the folder (other suffixes, subfolders) is left out, and the caller
  reports it by name.
- Composed and decomposed Unicode names are equal, because macOS writes the second form.
"""

from __future__ import annotations

import dataclasses
import pathlib
import unicodedata
from collections.abc import Sequence

from jaxseg.text import printable

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".gif",
    ".ppm",
    ".pgm",
    ".npy",
    ".npz",
    ".nii",
    ".nii.gz",
)
_LEFT_BEHIND = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")


@dataclasses.dataclass(frozen=True)
class Listing:
    """Contains the entries of a folder, divided into images and others.

    Attributes:
      images: The files that count as images, sorted by name.
      others: The visible entries that do not count, sorted by name.
    """

    images: tuple[pathlib.Path, ...]
    others: tuple[pathlib.Path, ...]


def list_folder(folder: pathlib.Path) -> Listing:
    """Returns a `Listing` of the images of a folder and its other visible entries."""
    visible = visible_entries(folder)
    images = tuple(path for path in visible if counts(path))
    return Listing(images, tuple(path for path in visible if not counts(path)))


def visible_entries(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns a list of the paths in a folder, sorted by name.

    Files that operating systems and editors create are left out.
    """
    visible = (path for path in folder.iterdir() if not is_left_behind(path.name))
    return sorted(visible, key=lambda path: (name_key(path.name), path.name))


def counts(path: pathlib.Path) -> bool:
    """Returns whether a path is a file or broken link that has an image suffix."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


def stem_of(path: pathlib.Path) -> str:
    """Returns the name of a file without its suffix, which may be `.nii.gz`.

    >>> stem_of(pathlib.Path("scans/a.b.nii.gz"))
    'a.b'
    """
    name = path.name
    return name[:-7] if name.lower().endswith(".nii.gz") else path.stem


def is_left_behind(name: str) -> bool:
    """Returns whether operating systems or editors create files with this name."""
    return name.startswith(".") or name in _LEFT_BEHIND


def name_key(name: str) -> str:
    """Returns a name in the composed Unicode form (NFC) for comparisons.

    >>> name_key("u" + chr(0x308)) == chr(0xFC)
    True
    """
    return unicodedata.normalize("NFC", name)


def name_others(others: Sequence[pathlib.Path]) -> str:
    """Returns text that names files which are left out because they are not images.

    Args:
      others: The paths of these files.

    Returns:
      A clause of a message, without a final period, or "" if there are no such files.
    """
    if not others:
        return ""
    names = [shown(path.name) + ("/" if path.is_dir() else "") for path in others[:5]]
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    verb = "is" if len(others) == 1 else "are"
    suffixes = ", ".join(SUFFIXES)
    return (
        f"{', '.join(names)}{more} {verb} left out, because only files with the "
        f"suffixes {suffixes} are read"
    )


def shown(path: object) -> str:
    """Returns a path as one line of text with unprintable characters escaped."""
    return printable(path, limit=10_000)
