"""Turns every error of a decoder into one line that names the file."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from jaxseg.data.files import shown
from jaxseg.data.open_file import reason
from jaxseg.data.refused import Refused


@contextlib.contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Returns a context manager that turns errors of its block into a ValueError.

    The message is one line that names the file, the reason and the remedy.

    Args:
      path: The file.

    Raises:
      ValueError: If the block raises any error.
    """
    try:
        yield
    except Refused as error:
        raise ValueError(f"{shown(path)}: {error}") from error
    except Exception as error:  # Decoders raise many undocumented errors.
        text = reason(error, pathlib.Path(path))
        raise ValueError(f"{shown(path)}: {text}") from error
