"""Which files of a folder count as images, and how their names are compared.

This is the only rule about file names. Dataset layouts and `jaxseg predict` share it,
so that a folder means the same images to both:

- A file counts if its suffix is one of `SUFFIXES`, in upper or lower case. A link whose
  target is missing counts too, so that it is reported as a bad file.
- Names that operating systems and editors leave behind never count: everything that
  starts with a dot (`._a.png`, `.ipynb_checkpoints`), `__MACOSX`, `@eaDir`,
  `Thumbs.db` and `desktop.ini`.
- Whatever else lies in the folder (other suffixes, subfolders) is left out, and the
  caller reports it by name.
- Composed and decomposed Unicode names are equal: macOS writes the second form.
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
)
_LEFT_BEHIND = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")


@dataclasses.dataclass(frozen=True)
class Listing:
    """The contents of a folder.

    Attributes:
      images: Files that count as images, in order of their names.
      others: Visible entries that do not count, in order of their names.
    """

    images: tuple[pathlib.Path, ...]
    others: tuple[pathlib.Path, ...]


def list_folder(folder: pathlib.Path) -> Listing:
    """The images of a folder and the other visible entries, without subfolders."""
    visible = visible_entries(folder)
    images = tuple(path for path in visible if counts(path))
    return Listing(images, tuple(path for path in visible if not counts(path)))


def visible_entries(folder: pathlib.Path) -> list[pathlib.Path]:
    """Entries of a folder that no system or editor left behind, sorted by name."""
    visible = (path for path in folder.iterdir() if not is_left_behind(path.name))
    return sorted(visible, key=lambda path: (name_key(path.name), path.name))


def counts(path: pathlib.Path) -> bool:
    """Whether a path counts as an image: by its suffix, and if it is no folder."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def is_left_behind(name: str) -> bool:
    """Whether systems and editors write files or folders of this name by themselves."""
    return name.startswith(".") or name in _LEFT_BEHIND


def name_key(name: str) -> str:
    """A name in composed Unicode form, in which names are compared.

    >>> name_key("u" + chr(0x308)) == chr(0xFC)
    True
    """
    return unicodedata.normalize("NFC", name)


def name_others(others: Sequence[pathlib.Path]) -> str:
    """What a folder holds beside images, as a part of a message; "" for nothing."""
    if not others:
        return ""
    names = [shown(path.name) + ("/" if path.is_dir() else "") for path in others[:5]]
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    verb = "is" if len(others) == 1 else "are"
    suffixes = ", ".join(SUFFIXES)
    return f"{', '.join(names)}{more} {verb} left out; read are {suffixes}"


def shown(path: object) -> str:
    """A path as text on one line; unprintable characters are escaped."""
    return printable(path, limit=10_000)
