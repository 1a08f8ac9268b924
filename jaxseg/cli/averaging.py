"""Defines the options of `jaxseg predict` that average predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jaxseg.inference.uncertainty.averaging import Averaging, Map
from jaxseg.runs.rules import check_bounds, whole

BOUNDS = {"dropout_samples": whole(0, 10_000), "dropout_seed": whole()}


@dataclasses.dataclass(frozen=True)
class AveragingOptions:
    """Sets which predictions are averaged, and how."""

    ensemble: tuple[Path, ...] = ()
    """Further run directories whose predictions are averaged with those of the first.
    `--workdir A B C` means the same as `--workdir A --ensemble B C`."""
    average: Literal["probabilities", "logits"] = "probabilities"
    """Average the probabilities, or the logits."""
    dropout_samples: int = 0
    """Number of predictions per network with random dropout (Monte Carlo dropout). 0
    turns dropout off."""
    dropout_seed: int = 0
    """Seed of the random dropout masks."""
    maps: tuple[Map, ...] = ()
    """Maps of uncertainty to write: entropy in nats; mutual_information in nats, which
    is large where the averaged predictions disagree; variation_ratio, the share of
    predictions that differ from the most frequent class."""
    map_format: Literal["tiff", "npy"] = "tiff"
    """Format of the maps, float32 [H, W]. A PNG picture is always written as well."""

    def check(self, network_options: Mapping[str, Any]) -> None:
        """Checks the options.

        Args:
          network_options: The options of the network that the command line overrides.

        Raises:
          ValueError: If an option is out of its bounds, or if options of the network
            are overridden for several runs, whose networks can differ.
        """
        check_bounds(self, BOUNDS)
        if self.ensemble and network_options:
            raise ValueError(
                f"ensemble={[str(run) for run in self.ensemble]} is invalid with "
                f"options of the network: expected one run, because the networks can "
                f"differ. Leave out {', '.join(_dotted(network_options))}."
            )

    def averaging(self) -> Averaging:
        """Converts the options to those of the library."""
        return Averaging(
            of=self.average,
            dropout_samples=self.dropout_samples,
            seed=self.dropout_seed,
            maps=tuple(dict.fromkeys(self.maps)),
        )


DEFAULT = AveragingOptions()


def move_runs(arguments: list[str]) -> list[str]:
    """Moves all run directories after the first one of `--workdir` to `--ensemble`.

    A word counts as a run directory if it contains config.json, so that image files may
    follow the option `--workdir` as well.

    Args:
      arguments: The words of the command line.
    """
    if "--workdir" not in arguments:
        return arguments
    first = arguments.index("--workdir") + 2
    last = first
    while last < len(arguments) and is_run(arguments[last]):
        last += 1
    if last == first:
        return arguments
    moved = ["--ensemble", *arguments[first:last]]
    return [*arguments[:first], *arguments[last:], *moved]


def is_run(word: str) -> bool:
    """Returns whether a word of the command line names a run directory."""
    return not word.startswith("-") and (Path(word) / "config.json").is_file()


def _dotted(options: Mapping[str, Any], prefix: str = "--") -> list[str]:
    """Returns the names of nested options as they are written on the command line."""
    names = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            names += _dotted(value, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names
