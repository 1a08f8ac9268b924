"""Describes unsupported networks that have the tensors of a supported network."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Lookalike:
    """Describes unsupported networks that have the tensors of a supported network.

    Names and shapes of the tensors are equal, but the networks compute other results.

    Attributes:
      pattern: A regular expression that matches the names of these networks in lower
        case.
      what: A description of these networks, for messages.
      options: Options with which the network of jaxseg gives the same result as
        these networks, as pairs (name, value). None if there are no such options.
    """

    pattern: str
    what: str
    options: tuple[tuple[str, object], ...] | None = None

    def matches(self, names: str) -> bool:
        """Returns whether a checkpoint's names suggest this unsupported network.

        Args:
          names: The names of the checkpoint's file, folder and network in lower case.
        """
        return re.search(self.pattern, names) is not None
