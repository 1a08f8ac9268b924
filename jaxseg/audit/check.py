"""Checks the files of a dataset and collects all faults that it finds."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from jaxseg.audit import findings
from jaxseg.audit.duplicates import duplicates
from jaxseg.audit.kinds import KINDS, Finding
from jaxseg.audit.record import Record, Sample
from jaxseg.audit.scan import Splits, scan
from jaxseg.audit.summary import split_summary
from jaxseg.audit.value_range import finished, narrow_range, shown_range
from jaxseg.config import DataConfig
from jaxseg.data.builders.pairs_config import PairsConfig
from jaxseg.data.classes import counted_names, folder_spec, overlapping_spec
from jaxseg.data.datasets.lookup import require_kind
from jaxseg.data.ignore_index import counted_void
from jaxseg.data.lists import split_names
from jaxseg.data.prepare import builder_config
from jaxseg.data.spec import DatasetSpec
from jaxseg.text import counted

Progress = Callable[[int], Callable[[], None]]


@dataclasses.dataclass(frozen=True)
class Audit:
    """Contains the result of checking the files of a dataset.

    Attributes:
      name: The name of the dataset.
      folder: The folder of the files of the dataset.
      spec: The classes, or None if they are not known.
      splits: A summary of each split, by the name of the split.
      findings: The faults: first the errors, then the warnings, in the order of the
        table `jaxseg.audit.kinds.KINDS`.
      samples: The names of some pairs of image and mask of each split, and reduced
        copies of their pixels.
    """

    name: str
    folder: str
    spec: DatasetSpec | None
    splits: dict[str, dict[str, Any]]
    findings: tuple[Finding, ...]
    samples: dict[str, list[tuple[str, Sample]]]

    def count(self, level: str) -> int:
        """Returns the number of errors, or of warnings, that the check has found.

        Args:
          level: "error" or "warning".
        """
        return sum(finding.level == level for finding in self.findings)

    def verdict(self) -> str:
        """Returns a line of text that says whether `jaxseg train` accepts the data."""
        pairs = sum(split["pairs"] for split in self.splits.values())
        where = (
            f"{counted(pairs, 'pair')} of {counted(len(self.splits), 'split')} "
            f"of {self.name}"
        )
        errors, warnings = self.count("error"), self.count("warning")
        if not errors and not warnings:
            return f"OK: no fault was found in {where}."
        kinds = collections.Counter(finding.kind for finding in self.findings)
        named = ", ".join(f"{kind} {number}" for kind, number in kinds.items())
        word = "REJECTED" if errors else "ACCEPTED"
        counts = f"{counted(errors, 'error')} and {counted(warnings, 'warning')}"
        return f"{word}: {counts} in {where} ({named})."

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as a dictionary, which is the content of check.json."""
        return {
            "dataset": self.name,
            "folder": self.folder,
            "verdict": self.verdict(),
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "classes": list(self.spec.classes) if self.spec else [],
            "classes_from": self.spec.origin if self.spec else "",
            "splits": self.splits,
            "findings": [
                {
                    "kind": finding.kind,
                    "level": finding.level,
                    "split": finding.split,
                    "files": [str(file) for file in finding.files],
                    "message": finding.message,
                }
                for finding in self.findings
            ],
        }


def require_files(data: DataConfig) -> None:
    """Checks that the options select a dataset of image files in an existing folder.

    Args:
      data: The data options.

    Raises:
      ValueError: If the dataset has no image files, or the folder does not exist.
    """
    dataset = require_kind(data, "images")
    if dataset.drawing is not None:
        raise ValueError(
            f"data.name={data.name!r} is invalid: expected a dataset with image files "
            f"to check, but {data.name!r} is drawn by jaxseg. Pass the folder of a "
            "dataset instead."
        )
    if dataset.builder is not None:
        raise ValueError(
            f"data.name={data.name!r} is invalid: expected a dataset with image files "
            f"to check, but {data.name!r} is loaded with tensorflow_datasets. "
            "`jaxseg train` checks all masks of this dataset before it trains."
        )
    if not data.raw_dir or not pathlib.Path(data.raw_dir).expanduser().is_dir():
        raise ValueError(
            f"data.raw_dir={data.raw_dir!r} is invalid: expected the folder of the "
            f"dataset's files. `jaxseg data where {data.name}` describes them."
        )


def check_data(
    data: DataConfig, *, progress: Progress = lambda n: lambda: None
) -> Audit:
    """Reads all files of a dataset once, and returns its faults in an `Audit`.

    The option `data.on_bad_file` is ignored: a pair of image and mask that cannot be
    used is an error in the result, even if the option makes training skip such pairs.

    Args:
      data: The data options of `train`.
      progress: A function that takes the total number of pairs and returns a second
        function, which is called without arguments after each pair.

    Raises:
      ValueError: If the options do not select a dataset of image files in a folder.
    """
    require_files(data)
    lists = split_names(data.train_split, data.eval_split)
    folder = str(pathlib.Path(data.raw_dir).expanduser().absolute())
    try:
        config = builder_config(dataclasses.replace(data, on_bad_file="stop"), lists)
        splits = config.dataset.layout(pathlib.Path(config.path), lists)
    except ValueError as error:
        found = (Finding("layout", str(error)),)
        return Audit(
            data.name, folder=folder, spec=None, splits={}, findings=found, samples={}
        )
    advance = progress(sum(map(len, splits.values())))
    records = scan(config, splits, threads=data.workers, advance=advance)
    spec = _spec(config, records)
    names = spec.classes if spec else ()
    bounds = shown_range(data, config.pixels, records)
    by_split = {
        split: [record for record in records if record.split == split]
        for split in splits
    }
    return Audit(
        name=data.name,
        folder=folder,
        spec=spec,
        splits={
            split: split_summary(config, members, names)
            for split, members in by_split.items()
        },
        findings=all_findings(
            data, config=config, splits=splits, records=records, names=names
        ),
        samples={
            split: [
                (record.pair.name, finished(record.sample, bounds))
                for record in members
                if record.sample is not None
            ]
            for split, members in by_split.items()
        },
    )


def all_findings(
    data: DataConfig,
    *,
    config: PairsConfig,
    splits: Splits,
    records: Sequence[Record],
    names: Sequence[str],
) -> tuple[Finding, ...]:
    """Returns a tuple with a `Finding` for each fault of a dataset.

    The faults are in the order of the table `jaxseg.audit.kinds.KINDS`.

    Args:
      data: The data options of `train`.
      config: The files and the labels of the dataset.
      splits: The pairs of each split.
      records: The properties of the image and the mask of each pair.
      names: The class names.
    """
    found = itertools.chain(
        findings.missing_splits(data, splits),
        findings.empty_splits(config, splits),
        findings.missing_range(data, config),
        findings.rejected_pairs(records),
        findings.ambiguous_values(config, records),
        findings.unlisted_values(config, records),
        findings.snapped_masks(records),
        findings.nearly_empty_masks(config, records, names),
        narrow_range(data, config.pixels, records),
        findings.flat_images(records),
        findings.rotated_images(records),
        duplicates(records),
        findings.absent_classes(records, names),
        findings.left_out(config, splits),
        findings.published_counts(config, splits),
    )
    order = list(KINDS)
    return tuple(sorted(found, key=lambda finding: order.index(finding.kind)))


def _spec(config: PairsConfig, records: Sequence[Record]) -> DatasetSpec | None:
    """Returns the classes, which are counted in the masks if nothing names them."""
    if config.dataset.spec is not None:
        return config.dataset.spec
    names = config.class_names
    if config.dataset.multilabel:
        return overlapping_spec(names, config.origin) if names else None
    if not names:
        masks = [record.mask for record in records if record.mask is not None]
        labels = set().union(*(mask.labels or () for mask in masks))
        if not labels - {counted_void(labels)}:
            return None
        names = counted_names(labels)
    return folder_spec(names, config.origin)
