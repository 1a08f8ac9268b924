"""Measures the rows of a benchmark's table that have no valid result yet.

A row is an operator or a network. A result is valid if no other process disturbed its
measurement, and if it was measured without `--quick`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxseg.bench.clock import QUICK, Limits, Sentinel
from jaxseg.bench.pytorch import Torch, installed
from jaxseg.bench.rows import BenchSettings, Row, record, rows
from jaxseg.storage.json_file import append_line

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Session:
    """Contains the options of one run of the benchmark.

    Attributes:
      device: "cpu" or "gpu".
      dtype: "float32" or "bfloat16".
      parts: What to measure: "ops" for operators, "models" for networks, "memory" for
        the peak memory of networks.
      filter: A substring of the names of the rows to measure, or a pattern with
        wildcards such as `*`.
      quick: Whether only a few rows are measured, with few repetitions.
      budget: The number of minutes after which no further row is started, or None.
      rerun: Whether rows of the table that have a valid result are measured again.
      torch: The settings of PyTorch for each way to run it, "torch" or "torch.compile".
        It may be empty.
      lax: Whether the networks of jaxseg with `BlockConfig(impl="lax")` are timed.
    """

    device: str
    dtype: str
    parts: tuple[str, ...]
    filter: str = ""
    quick: bool = False
    budget: float | None = None
    rerun: bool = False
    torch: dict[str, Torch] = dataclasses.field(default_factory=dict)
    lax: bool = False

    @property
    def settings(self) -> BenchSettings:
        """Returns the `BenchSettings` for the measurement of one operator or network.

        They are the device, the floating-point type, the limits on the time, and the
        programs to compare with.
        """
        limits = QUICK if self.quick else Limits()
        return BenchSettings(self.device, self.dtype, limits, self.torch, self.lax)

    def chosen(self) -> list[Row]:
        """Returns a list of the rows of the benchmark's table that the options select.

        A `Row` measures one operator or network.

        Raises:
          ValueError: If the options select no row.
        """
        found = list(rows(self.parts, self.filter, self.device, self.quick))
        if not found:
            raise ValueError(
                f"filter={self.filter!r} is invalid: expected a part of the name of a "
                f"benchmark in the parts {', '.join(self.parts)}."
            )
        return found

    def measured(self, path: Path) -> Iterator[dict[str, Any]]:
        """Yields the result of each operator or network that has no valid result yet.

        A result is a dictionary, which is appended to the file before it is yielded.
        If the budget is spent before all operators and networks are measured, the
        remaining ones are left out.

        Args:
          path: The file of the results, which may not exist yet.

        Raises:
          ValueError: If the options select no operator and no network.
        """
        chosen, settings = self.chosen(), self.settings
        done = set() if self.rerun else finished(read(path))
        start, sentinel = time.monotonic(), Sentinel()
        for row in chosen:
            if row.key(settings) in done:
                continue
            if self.budget and time.monotonic() - start > 60 * self.budget:
                logger.warning(
                    "The budget of %s minutes is spent. Start the command again to "
                    "measure the remaining rows.",
                    self.budget,
                )
                return
            result = {**record(row, settings, sentinel), "quick": self.quick}
            append_line(path, result)
            yield result


def torch_contestants(
    device: str, *, threads: int = 0, compiled: bool = False
) -> dict[str, Torch]:
    """Returns a dictionary from each way to run PyTorch to the settings for it.

    Args:
      device: "cpu" or "gpu".
      threads: The number of threads that PyTorch uses. 0 selects its default.
      compiled: Whether to time PyTorch with `torch.compile` as well.

    Returns:
      The settings (`Torch`) under the key "torch" and, if `compiled`, also under
      "torch.compile". The dictionary is empty if PyTorch is not installed.
    """
    if not installed("torch"):
        return {}
    sides = {"torch": Torch(device, threads=threads)}
    if compiled:
        sides["torch.compile"] = Torch(device, threads=threads, compiling=True)
    return sides


def read(path: Path) -> list[dict[str, Any]]:
    """Reads the benchmark's results, one dictionary each, from a .jsonl file.

    Lines that are not JSON objects are skipped. The list is empty if the file does not
    exist.
    """
    if not path.exists():
        return []
    records = []
    for text in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, RecursionError):
            records.append(json.loads(text))
    return [record for record in records if isinstance(record, dict)]


def finished(records: list[dict[str, Any]]) -> set[str]:
    """Returns the keys of the table rows that need not be measured again.

    A row measures one operator or network, and `Row.key` returns its key. It need not
    be measured again if it has a result that no other process disturbed and that was
    measured without `--quick`.
    """
    return {r["key"] for r in records if not (r["contaminated"] or r["quick"])}
