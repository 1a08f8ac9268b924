"""Defines the options of `predict` and `eval` that average predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jaxseg.cli.unused import refuse_unused
from jaxseg.inference.uncertainty.averaging import Averaging, Map
from jaxseg.runs.rules import check_bounds, each, optional, whole

BOUNDS = {"dropout_samples": whole(0, 10_000), "dropout_seed": whole()}
PICTURE_BOUNDS = {"attention": optional(each(whole()))}


@dataclasses.dataclass(frozen=True)
class AveragingOptions:
    """Sets which predictions are averaged, and how."""

    ensemble: tuple[Path, ...] = ()
    """Further run directories whose predictions are averaged with those of the first.
    `--workdir A B C` means the same as `--workdir A --ensemble B C`."""
    calibrated: bool = False
    """Scale the logits of each run by the values that `jaxseg calibrate` has fitted."""
    average: Literal["probabilities", "logits"] = "probabilities"
    """What is averaged over the predictions: the class probabilities or the logits."""
    dropout_samples: int = 0
    """Number of predictions per network with random dropout (Monte Carlo dropout). 0
    turns dropout off."""
    dropout_seed: int = 0
    """Seed of the random dropout masks."""

    def check(self, network_options: Mapping[str, Any]) -> None:
        """Checks the averaging options.

        Args:
          network_options: The options of the network that the command line overrides,
            as a mapping from names to values.

        Raises:
          ValueError: If an averaging option is out of its bounds or has no effect, or
            if options of the network are overridden for several runs, whose networks
            can differ.
        """
        check_bounds(self, BOUNDS)
        if not self.dropout_samples:
            refuse_unused(self, ("dropout_seed",), needs="--dropout-samples")
        if self.ensemble and network_options:
            raise ValueError(
                f"ensemble={[str(run) for run in self.ensemble]} is invalid: "
                "expected a single run if network options are given, because the "
                "networks of an ensemble can differ. Leave out "
                f"{', '.join(_dotted(network_options))}."
            )

    def refuse(self, name: str, value: Any) -> None:
        """Raises ValueError if --ensemble, --calibrated or --dropout-samples is set.

        Args:
          name: The option that needs the unchanged predictions of a single network.
          value: The value of this option.
        """
        if self.ensemble or self.calibrated or self.dropout_samples:
            raise ValueError(
                f"{name}={value!r} is invalid with --ensemble, --calibrated or "
                "--dropout-samples: expected the predictions of one network. Leave "
                "these options out."
            )

    def record(self) -> dict[str, Any]:
        """Returns the averaging options that differ from their defaults.

        The result is a dictionary from the name of an option, such as "ensemble", to
        its value, which can be stored as JSON.
        """
        found = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        if self.ensemble:
            found["ensemble"] = [str(run) for run in self.ensemble]
        return found

    def averaging(self, maps: tuple[Map, ...] = ()) -> Averaging:
        """Converts the options to an `Averaging` object.

        Args:
          maps: The names of the maps of uncertainty to compute, such as "entropy".
        """
        return Averaging(
            of=self.average,
            dropout_samples=self.dropout_samples,
            seed=self.dropout_seed,
            maps=tuple(dict.fromkeys(maps)),
        )


@dataclasses.dataclass(frozen=True)
class PictureOptions:
    """Sets which maps and pictures are written for each image."""

    maps: tuple[Map, ...] = ()
    """Maps of uncertainty to write. 'entropy' is in nats. 'mutual_information' is in
    nats as well, and is large where the averaged predictions disagree.
    'variation_ratio' is the fraction of the predictions that differ from the most
    frequent class."""
    map_format: Literal["tiff", "npy"] = "tiff"
    """Format of the maps, float32 [H, W]. A PNG picture is always written as well."""
    attention: tuple[int, int] | None = None
    """Row and column of the pixel whose attention is written. Every image must contain
    it. NAME_attention.png shows which pixels have large weights for this pixel in the
    attention layers of DANet, OCR and non-local networks. NAME_attention.npz contains
    the weights."""
    crf_steps: bool = False
    """Write NAME_crf.png, which shows the classes and their probabilities before the
    first iteration of the CRF and after each one. It requires --crf."""

    def check(self) -> None:
        """Raises ValueError if an option is out of its bounds, or has no effect."""
        check_bounds(self, PICTURE_BOUNDS)
        if not self.maps:
            refuse_unused(self, ("map_format",), needs="--maps")


DEFAULT = AveragingOptions()
NO_PICTURES = PictureOptions()


def move_runs(arguments: list[str]) -> list[str]:
    """Returns a command line with the further run directories moved to `--ensemble`.

    `--workdir A B C` becomes `--workdir A --ensemble B C`. A word counts as a run
    directory if it contains config.json, so that image files may follow the option
    `--workdir` as well.

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


def directory_first(arguments: list[str]) -> list[str]:
    """Returns a command line with the run directory of `--workdir` as the first word.

    `--split test --workdir A` becomes `A --split test`. `jaxseg eval` takes the run
    directory as the first argument, whereas other commands take it as the option
    `--workdir`.

    Args:
      arguments: The words of the command line.
    """
    for i, word in enumerate(arguments):
        if word == "--workdir":
            return [*arguments[i + 1 : i + 2], *arguments[:i], *arguments[i + 2 :]]
        if word.startswith("--workdir="):
            workdir = word.removeprefix("--workdir=")
            return [workdir, *arguments[:i], *arguments[i + 1 :]]
    return arguments


def move_further_runs(arguments: list[str]) -> list[str]:
    """Returns a command line with the further run directories moved to `--ensemble`.

    `A B C --split test` becomes `A --split test --ensemble B C`.

    Args:
      arguments: The words of the command line, with the run directory first.
    """
    last = 1
    while last < len(arguments) and not arguments[last].startswith("-"):
        last += 1
    if last <= 1 or arguments[0].startswith("-"):
        return arguments
    return [arguments[0], *arguments[last:], "--ensemble", *arguments[1:last]]


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
