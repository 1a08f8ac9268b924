"""Opens several datasets on which one network is trained."""

from __future__ import annotations

import functools

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data.mix.schedule import BLOCK, block_counts
from jaxseg.data.mix.settings import member_data, naming_member
from jaxseg.data.mix.space import union_spec
from jaxseg.data.opening import open_source
from jaxseg.data.source import Source
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.splits import UnknownSplit
from jaxseg.text import counted


class MixedSource:
    """Contains the examples of one split of several datasets, sorted by dataset.

    Attributes:
      parts: For each dataset, the `Source` that reads its examples.
      counts: The number of examples that are read from each dataset. In the training
        split, it is 0 for a dataset with weight 0.
      backend: The library that reads the examples, which is always "grain".
      workers: The number of threads that read examples.
    """

    def __init__(
        self, parts: tuple[Source, ...], counts: tuple[int, ...], spec: DatasetSpec
    ) -> None:
        self.parts, self.counts = parts, counts
        self.backend, self.workers = parts[0].backend, parts[0].workers
        self.spec = spec

    @property
    def spec(self) -> DatasetSpec:
        """Returns the `DatasetSpec` of the network.

        It contains the classes that the network predicts, and the value range, the mean
        and the standard deviation that normalize the images of all datasets.
        """
        return self._spec

    @spec.setter
    def spec(self, spec: DatasetSpec) -> None:
        """Sets the `DatasetSpec` of the network.

        Its value range, mean and standard deviation then also normalize the images of
        every dataset.
        """
        self._spec = spec
        for part in self.parts:
            part.spec = part.spec.normalized_as(spec)

    def __len__(self) -> int:
        return sum(self.counts)

    def divided(self, processes: int) -> MixedSource:
        """Returns a copy of this source for one of several reading processes.

        The copies in all processes divide the memory that this source may use for
        decoded images.

        Args:
          processes: The number of processes that read at the same time. It is 0 if
            threads of this process read. The memory is then not divided.
        """
        parts = tuple(part.divided(processes) for part in self.parts)
        return MixedSource(parts, self.counts, self.spec)

    @functools.cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Returns for each example the pair (index of its dataset, index within it)."""
        pairs = enumerate(self.counts)
        return tuple((k, index) for k, count in pairs for index in range(count))

    @functools.cached_property
    def starts(self) -> tuple[int, ...]:
        """Returns for each dataset the index of its first example in this source."""
        return tuple(sum(self.counts[:k]) for k in range(len(self.counts)))

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """Returns the names of the examples, such as "streets/0001"."""
        names = [member.name for member in self.spec.members]
        return tuple(f"{names[k]}/{self.parts[k].ids[i]}" for k, i in self.places)

    @functools.cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Returns the (H, W) of each image in pixels."""
        return tuple(self.parts[k].sizes[index] for k, index in self.places)


def open_mixed(
    config: DataConfig, split: str, *, trained: DatasetSpec | None = None
) -> MixedSource:
    """Opens a split of all datasets of a run, and returns its examples.

    A dataset that is opened for the first time is converted to files with random
    access, which later calls read.

    Args:
      config: The data options of the run, with `mix`.
      split: `config.train_split` selects the training split of each dataset, and
        `config.eval_split` its evaluation split. Any other split is opened by its name
        in every dataset.
      trained: The specification of a trained network, whose value range, mean and
        standard deviation normalize the images. By default they follow from the
        datasets.

    Raises:
      ValueError: If a dataset cannot be opened, a class map lacks a class, or the
        images of the datasets differ in channels or value range. The message names the
        dataset.
    """
    training = split == config.train_split
    parts, counts = [], []
    for k, member in enumerate(config.mix):
        used = member.weight > 0 or not training
        with naming_member(config, k):
            part = _open(config, member, split, used=used, trained=trained)
        parts.append(part)
        counts.append(len(part) if used else 0)
        if part.spec.multilabel:
            raise ValueError(
                f"data.mix is invalid with {part.spec.name!r}, whose classes can "
                "overlap: expected datasets with one class per pixel. Remove this "
                "dataset from data.mix, or train on it alone."
            )
    spec = union_spec(config, [part.spec for part in parts])
    return MixedSource(tuple(parts), tuple(counts), spec)


def _open(
    config: DataConfig,
    member: MemberConfig,
    split: str,
    *,
    used: bool,
    trained: DatasetSpec | None,
) -> Source:
    """Opens one dataset. If its training split is not used, it may be missing."""
    data = member_data(config, member)
    names = {config.train_split: "train_split", config.eval_split: "eval_split"}
    field = names.get(split) if used else "eval_split"
    name = split if field is None else getattr(data, field)
    try:
        return open_source(data, name, trained=trained)
    except UnknownSplit as error:
        option = f"data.{field}" if field else "split"
        raise ValueError(f"{option}={name!r} is invalid: {error.expected}") from error


def describe_members(config: DataConfig, source: Source | MixedSource) -> list[str]:
    """Describes the datasets of `data.mix` in a list with one line of text for each.

    A line states the number of training examples of the dataset, its share of the
    training stream, the number of its scored classes, and which of its classes stand
    for several classes of the network. The list is empty for a run with one dataset.

    Args:
      config: The data options of the run.
      source: The training examples.
    """
    if not isinstance(source, MixedSource):
        return []
    shares = block_counts([member.weight for member in config.mix])
    lines = []
    for member, count, share in zip(
        source.spec.members, source.counts, shares, strict=True
    ):
        examples = counted(count, "training example") if count else "evaluation only"
        merged = [k for k, names in enumerate(member.targets) if len(names) > 1]
        text = "; ".join(
            f"{member.classes[k]} = {' or '.join(member.targets[k])}" for k in merged
        )
        line = f"dataset {member.name}: {examples}, {share / BLOCK:.1%} of the stream"
        lines.append(
            f"{line}, {len(member.scored)} scored classes ({text})"
            if text
            else f"{line}, {len(member.scored)} scored classes"
        )
    return lines
