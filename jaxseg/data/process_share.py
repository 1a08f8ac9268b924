"""Divides the examples of each batch among the processes of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

Size = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class ProcessShare:
    """Describes the part of each batch that one process reads.

    A batch is divided into `process_count` groups of consecutive examples. Process k
    reads group k.

    Attributes:
      batch_size: The number of examples per batch over all processes.
      process_index: The index of the process.
      process_count: The number of processes.

    Raises:
      ValueError: If the batch cannot be divided evenly, or the index is out of range.
    """

    batch_size: int
    process_index: int = 0
    process_count: int = 1

    def __post_init__(self) -> None:
        size, index, count = self.batch_size, self.process_index, self.process_count
        if size < 1 or count < 1 or size % count:
            raise ValueError(
                f"batch_size={size} is invalid: expected a positive multiple of "
                f"{count}, the number of processes."
            )
        if not 0 <= index < count:
            raise ValueError(
                f"process_index={index} is invalid: expected 0 to {count - 1}."
            )

    @property
    def size(self) -> int:
        """Returns the number of examples of each batch that one process reads."""
        return self.batch_size // self.process_count

    def position(self, local: int) -> int:
        """Returns the position of an example in the training stream of all processes.

        Args:
          local: The position of the example among those that this process reads, from
            0.
        """
        step, place = divmod(local, self.size)
        return step * self.batch_size + self.process_index * self.size + place

    def batches(
        self, sizes: Sequence[Size], multiple: int
    ) -> list[tuple[Size, list[int]]]:
        """Groups examples whose images have equal padded sizes into batches.

        Args:
          sizes: The (H, W) of each example in pixels.
          multiple: Padded heights and widths are multiples of this number.

        Returns:
          A list with one pair for each batch: the padded (H, W), and the indices of the
          examples that this process reads. If too few examples of a size remain for a
          batch, the list of indices is filled with -1.

        Raises:
          ValueError: If `multiple` is not positive.
        """
        if multiple < 1:
            raise ValueError(f"multiple={multiple} is invalid: expected 1 or more.")
        groups: dict[Size, list[int]] = {}
        for index, size in enumerate(sizes):
            height, width = (-(-side // multiple) * multiple for side in size)
            groups.setdefault((height, width), []).append(index)
        plan = []
        for size, members in groups.items():
            for start in range(0, len(members), self.batch_size):
                batch = members[start : start + self.batch_size]
                batch += [-1] * (self.batch_size - len(batch))
                mine = self.process_index * self.size
                plan.append((size, batch[mine : mine + self.size]))
        return plan

    def slots(self, sizes: Sequence[Size], multiple: int) -> list[tuple[Size, int]]:
        """Lists the examples that this process reads, batch after batch.

        Args:
          sizes: The (H, W) of each example in pixels.
          multiple: Padded heights and widths are multiples of this number.

        Returns:
          A list with the pair (padded (H, W), index) for each example. The index is -1
          for an example that consists of padding only.
        """
        plan = self.batches(sizes, multiple)
        return [(size, index) for size, indices in plan for index in indices]
