"""Reads and checks the fields of JSON annotation files.

An error message names the position of the field in the file.
"""

from __future__ import annotations

import math
import pathlib
from typing import Any

from jaxseg.data.polygons.annotation import Ring
from jaxseg.storage.json_file import parse_json


class Place:
    """Contains a JSON value of an annotation file and its position in the file.

    Args:
      value: The value.
      address: The file and the path to the value, such as "a.json, shapes[3]".
    """

    def __init__(self, value: Any, address: str):
        self.value, self.address = value, address

    def get(self, key: str, default: Any = None) -> Place:
        """Returns a field of this JSON object: its value and its position in the file.

        Args:
          key: The name of the field.
          default: The value to return if the object does not have the field.

        Raises:
          ValueError: If the value is not an object.
        """
        if not isinstance(self.value, dict):
            raise self.error("a JSON object")
        return Place(self.value.get(key, default), f"{self.address}.{key}")

    def need(self, key: str) -> Place:
        """Returns a required field of this JSON object: its value and its position.

        Args:
          key: The name of the field.

        Raises:
          ValueError: If the value is not an object or does not have the field.
        """
        found = self.get(key)
        if found.value is None:
            raise ValueError(f"{self.address} has no field {key!r}.")
        return found

    def items(self) -> list[Place]:
        """Returns the elements of this JSON list, each with its position in the file.

        Raises:
          ValueError: If the value is not a list.
        """
        if not isinstance(self.value, list):
            raise self.error("a list")
        return [Place(v, f"{self.address}[{k}]") for k, v in enumerate(self.value)]

    def text(self) -> str:
        """Returns this JSON value if it is a string.

        Raises:
          ValueError: If it is not a string.
        """
        if not isinstance(self.value, str):
            raise self.error("a string")
        return self.value

    def real(self) -> float:
        """Returns this JSON value as a float if it is a finite number.

        Raises:
          ValueError: If it is not a finite number.
        """
        number = isinstance(self.value, int | float) and not isinstance(
            self.value, bool
        )
        if not number or not math.isfinite(self.value):
            raise self.error("a finite number")
        return float(self.value)

    def side(self) -> int:
        """Returns this JSON value as a height or width of 1 to 1,000,000 pixels.

        Raises:
          ValueError: If the value is not a whole number in this range.
        """
        value = self.real()
        if value != int(value) or not 1 <= value <= 1_000_000:
            raise self.error("a whole number of pixels from 1 to 1000000")
        return int(value)

    def points(self) -> Ring:
        """Returns this JSON list of [x, y] points as a ring, a tuple of (x, y) points.

        The ring is closed: an edge connects its last point to its first one.

        Raises:
          ValueError: If the value is not a list of pairs of finite numbers.
        """
        rows = [row.items() for row in self.items()]
        if any(len(row) != 2 for row in rows):
            raise self.error("a list of points [x, y]")
        return tuple((x.real(), y.real()) for x, y in rows)

    def error(self, expected: str) -> ValueError:
        """Returns a ValueError that names the position of the invalid value.

        Args:
          expected: A description of the expected values.
        """
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return ValueError(f"{self.address}={shown} is invalid: expected {expected}.")


def open_json(path: pathlib.Path) -> Place:
    """Reads an annotation file and returns its top-level JSON value as a `Place`.

    Args:
      path: The JSON file.

    Raises:
      ValueError: If the file cannot be read or is not JSON.
    """
    try:
        value = parse_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # The text is not UTF-8 or not JSON.
        raise ValueError(f"{path} is not JSON: {error}.") from error
    return Place(value, str(path))
