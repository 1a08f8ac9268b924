"""What is known of one kind of checkpoint: its keys, its table, its networks here."""

import dataclasses
import importlib
from collections.abc import Iterable

from jaxseg.weights.card import IMAGENET, Normalisation
from jaxseg.weights.rules import Rules, prefixed


@dataclasses.dataclass(frozen=True)
class Network:
    """A network here that a kind of checkpoint fits.

    Attributes:
        name: of ``create_model``.
        options: that make it the library's network, as pairs.
        factory: the library's own function, where logits can be compared.
        aux: keys that start so ask for the option ``aux``; empty for networks that
            always have their auxiliary head, or none.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()
    factory: str = ""
    aux: str = ""

    def options_for(self, keys: Iterable[str]) -> dict[str, object]:
        """Keyword options of ``create_model`` for a state dict with these keys."""
        auxiliary = self.aux and any(key.startswith(self.aux) for key in keys)
        return dict(self.options) | ({"aux": True} if auxiliary else {})


@dataclasses.dataclass(frozen=True)
class Source:
    """One kind of checkpoint.

    Attributes:
        name: what it is, for people.
        table: ``module`` or ``module:attribute+attribute`` below
            ``jaxseg.weights.maps``; ``BACKBONE`` addresses a bare trunk.
        library: torchvision, timm, segmentation_models_pytorch or mmsegmentation.
        has: keys that all must be there.
        lacks: keys of which none may be there.
        part: "network", or "backbone" where only the trunk is imported.
        networks: what it fits here; the first whose shapes agree is taken.
        normalisation: of the images it was trained on.
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
    normalisation: Normalisation = IMAGENET
    classes: tuple[str, ...] = ()
    caution: str = ""

    def rules(self) -> Rules:
        """The import table."""
        module, _, names = self.table.partition(":")
        imported = importlib.import_module(f"jaxseg.weights.maps.{module}")
        rules: Rules = ()
        for name in (names or "MAP").split("+"):
            rules += getattr(imported, name)
        bare = names.startswith("BACKBONE")
        return prefixed(rules, dst="backbone/") if bare else rules

    def fits(self, keys: set[str]) -> bool:
        """Whether a state dict with these keys is of this kind."""
        return all(key in keys for key in self.has) and not any(
            key in keys for key in self.lacks
        )

    def network(self, name: str) -> Network:
        """The row of ``networks`` with that name, or one without options."""
        return next((n for n in self.networks if n.name == name), Network(name))
