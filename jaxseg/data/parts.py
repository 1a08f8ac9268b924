"""Defines classes that name a picture within a file, or files to read together.

Functions that read files accept `Page` and `Joined` objects as well as paths.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Page:
    """Names one of several pictures in a file, such as a page of a TIFF stack.

    Attributes:
      path: The file.
      number: The number of the picture, from 0.
      others: Further files that are needed to read the picture, such as a class table.
    """

    path: pathlib.Path
    number: int
    others: tuple[pathlib.Path, ...] = ()

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return f"{self.path}, page {self.number + 1}"


@dataclasses.dataclass(frozen=True)
class Joined:
    """Names a file that is read together with other files.

    Attributes:
      path: The main file, which error messages show.
      others: The other files, such as the field of view of a retinal photograph.
    """

    path: pathlib.Path
    others: tuple[pathlib.Path, ...]

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return str(self.path)


File = pathlib.Path | Page | Joined


def files_of(file: File) -> tuple[pathlib.Path, ...]:
    """Returns the paths of all files that a path, a `Page` or a `Joined` refers to."""
    if isinstance(file, Page | Joined):
        return (file.path, *file.others)
    return (file,)
