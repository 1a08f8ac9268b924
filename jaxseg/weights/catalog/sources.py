"""What is known of one kind of checkpoint: its keys, its table, its networks here."""

import dataclasses
import importlib
from collections.abc import Iterable, Mapping

from jaxseg.weights.translate.model_card import IMAGENET, Normalization
from jaxseg.weights.translate.rules import Rules, prefixed


@dataclasses.dataclass(frozen=True)
class Network:
    """A network here that a kind of checkpoint fits.

    Attributes:
        name: The name that ``create_model`` takes.
        options: Options that make it the library's network, as pairs.
        factory: The library's own function, where logits can be compared.
        peer: Options of that function, as pairs.
        aux: Keys with this prefix ask for the option ``aux``; empty for networks that
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
        """Keyword options of ``create_model`` for a state dict with these keys."""
        auxiliary = self.aux and any(key.startswith(self.aux) for key in keys)
        return dict(self.options) | ({"aux": True} if auxiliary else {})


@dataclasses.dataclass(frozen=True)
class Source:
    """One kind of checkpoint.

    Attributes:
        name: what it is, for people.
        table: names for ``read_table``; one that ends in ``BACKBONE`` addresses a bare
            trunk.
        library: torchvision, timm, segmentation_models_pytorch or mmsegmentation.
        has: keys that all must be there.
        lacks: keys of which none may be there.
        part: "network", or "backbone" where only the trunk is imported.
        networks: what it fits here; the first whose shapes agree is taken.
        normalization: of the images it was trained on.
        hints: where the keys do not tell that, (word, normalization): the first word
            that the file's name or its folder's holds decides; without, unknown.
        classes: names, where the library's published weights have the same ones.
        caution: how the network here differs from the library's, if it does.
    """

    name: str
    table: str
    library: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    part: str = "network"
    networks: tuple[Network, ...] = ()
    normalization: Normalization = IMAGENET
    hints: tuple[tuple[str, Normalization], ...] = ()
    classes: tuple[str, ...] = ()
    caution: str = ""

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
            f"normalization unknown: neither the keys nor the name ({words}) tell how "
            f"this {self.name} saw its images; ImageNet's is written down"
        )

    def network(
        self, name: str, options: Mapping[str, object] | None = None
    ) -> Network:
        """The row of ``networks`` with that name, or one without options.

        Of several it is the one that shares most with ``options``, else the first.
        """
        rows = [row for row in self.networks if row.name == name] or [Network(name)]
        given = options or {}
        return max(rows, key=lambda row: sum(given.get(k) == v for k, v in row.options))


def read_table(table: str) -> Rules:
    """Tables below ``jaxseg.weights.catalog.maps``, one behind the other.

    ``module`` is its ``MAP``, ``module:NAME`` another one; ``a:X+Y+b`` joins ``X`` and
    ``Y`` of ``a`` and the ``MAP`` of ``b``.

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
