"""What is known of one kind of checkpoint: its keys, its table, its networks here."""

import dataclasses
import importlib
import re
from collections.abc import Iterable, Mapping

from jaxseg.weights.translate.model_card import IMAGENET, Normalization
from jaxseg.weights.translate.rules import Rules, prefixed


@dataclasses.dataclass(frozen=True)
class Network:
    """A network here that a kind of checkpoint fits.

    Attributes:
      name: The name that `create_model` takes.
      options: Options that make it the library's network, as pairs.
      factory: The library's own function, where logits can be compared.
      peer: Options of that function, as pairs.
      aux: Keys with this prefix ask for the option `aux`; empty for networks that
        always have their auxiliary head, or none.
      unseen: Options that change the result but leave no trace in the tensors, each
        with the value that the library's usual network has.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()
    factory: str = ""
    aux: str = ""
    peer: tuple[tuple[str, object], ...] = ()
    unseen: tuple[tuple[str, object], ...] = ()

    def options_for(self, keys: Iterable[str]) -> dict[str, object]:
        """Keyword options of `create_model` for a state dict with these keys."""
        auxiliary = self.aux and any(key.startswith(self.aux) for key in keys)
        return dict(self.options) | ({"aux": True} if auxiliary else {})


@dataclasses.dataclass(frozen=True)
class Lookalike:
    """Networks whose tensors look like others', but which compute otherwise.

    Attributes:
      pattern: Regular expression that their names match, in lower case.
      what: What they are, for messages.
      options: Options that make the network here compute the same, as pairs; None
        where there are none.
    """

    pattern: str
    what: str
    options: tuple[tuple[str, object], ...] | None = None

    def matches(self, names: str) -> bool:
        """Whether the names of a checkpoint are of this kind."""
        return re.search(self.pattern, names) is not None


@dataclasses.dataclass(frozen=True)
class Source:
    """One kind of checkpoint.

    Attributes:
      name: What it is, for people.
      table: Names for `read_table`; one that ends in `BACKBONE` addresses a bare
        backbone.
      library: Torchvision, timm, segmentation_models_pytorch or mmsegmentation.
      has: Keys that all must be there.
      lacks: Keys of which none may be there.
      part: "network", or "backbone" where only the backbone is imported.
      networks: What it fits here; the first whose shapes agree is taken.
      options: Of a network that takes this backbone, as pairs.
      example: Name of a network here that takes this backbone.
      normalization: Of the images it was trained on.
      hints: Where the keys do not tell that, (word, normalization): the first word
        that the file's name or its folder's holds decides; without, unknown.
      classes: Names, where the library's published weights have the same ones.
      assumed: What no option can change and the tensors do not show.
      lookalikes: Other networks with the same tensors.
      named: Regular expression for names that rule the lookalikes out.
    """

    name: str
    table: str
    library: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    part: str = "network"
    networks: tuple[Network, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    example: str = ""
    normalization: Normalization = IMAGENET
    hints: tuple[tuple[str, Normalization], ...] = ()
    classes: tuple[str, ...] = ()
    assumed: str = ""
    lookalikes: tuple[Lookalike, ...] = ()
    named: str = ""

    def rules(self) -> Rules:
        """The import table."""
        rules = read_table(self.table)
        bare = self.part == "backbone" and "BACKBONE" in self.table
        return prefixed(rules, dst="backbone/") if bare else rules

    def fits(self, keys: set[str]) -> bool:
        """Whether a state dict with these keys is of this kind."""
        return all(key in keys for key in self.has) and not any(
            key in keys for key in self.lacks
        )

    def lookalike(self, names: str) -> Lookalike | None:
        """The other kind of network that a checkpoint's names tell, if they do."""
        return next((kind for kind in self.lookalikes if kind.matches(names)), None)

    def check_names(self, names: str, path: str) -> None:
        """Raises ValueError where the names tell a network that is not supported."""
        kind = self.lookalike(names)
        if kind is not None and kind.options is None:
            raise ValueError(
                f"{path} is named as {kind.what}, which {self.name} here does not "
                "compute\nits tensors look like those of a supported network: rename "
                "the file if its name is wrong"
            )

    def doubts(self, names: str) -> tuple[Lookalike, ...]:
        """The lookalikes that neither tensors nor names rule out."""
        told = self.named and re.search(self.named, names)
        return () if told or self.lookalike(names) else self.lookalikes

    def normalization_of(self, address: str) -> tuple[Normalization, str]:
        """(normalization, a note where it is a guess) for a file of that address."""
        near = "/".join(address.lower().split("/")[-2:])
        for word, normalization in self.hints:
            if word in near:
                return normalization, ""
        if not self.hints:
            return self.normalization, ""
        words = ", ".join(word for word, _ in self.hints)
        return self.normalization, (
            f"normalization unknown: neither the tensors nor the name ({words}) tell "
            f"how this {self.name} saw its images; ImageNet's is written down"
        )

    def network(
        self, name: str, options: Mapping[str, object] | None = None
    ) -> Network:
        """The row of `networks` with that name, or one without options.

        Of several it is the one that shares most with `options`, else the first.
        """
        rows = [row for row in self.networks if row.name == name] or [Network(name)]
        given = options or {}
        return max(rows, key=lambda row: sum(given.get(k) == v for k, v in row.options))


def read_table(table: str) -> Rules:
    """Tables below `jaxseg.weights.catalog.maps`, one behind the other.

    `module` is its `MAP`, `module:NAME` another one; `a:X+Y+b` joins `X` and
    `Y` of `a` and the `MAP` of `b`.

    Raises:
      ImportError, AttributeError: there is no such module or name.
    """
    rules: Rules = ()
    module = ""
    for part in table.split("+"):
        name = part
        if not part.isupper():
            module, _, name = part.partition(":")
        found = importlib.import_module(f"jaxseg.weights.catalog.maps.{module}")
        rules += getattr(found, name or "MAP")
    return rules
