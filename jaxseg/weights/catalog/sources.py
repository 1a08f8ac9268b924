"""Describes a kind of checkpoint by its tensor names, import table and networks."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jaxseg.weights.catalog.lookalikes import Lookalike
from jaxseg.weights.translate.model_card import IMAGENET, Normalization
from jaxseg.weights.translate.rules import Rules


@dataclasses.dataclass(frozen=True)
class SourceNetwork:
    """Describes a network of jaxseg that can import a kind of checkpoint.

    Attributes:
      name: The name for `create_model`: a preset or, with `backbone`, a family.
      options: Options with which the network equals the network of the other library,
        as pairs (name, value).
      factory: The name of the function or configuration file with which the other
        library builds the network, or "" if logits cannot be compared.
      peer: Arguments of that function or fields of that file, as pairs (name, value).
      aux: If the checkpoint has tensor names with this prefix, the option `aux` is set.
        It is empty for networks that always or never have an auxiliary head.
      unseen: Options that change the result but cannot be inferred from the tensors,
        each with its usual value in the other library.
      unseen_with: Pairs (name of a tensor, options). If the checkpoint has the tensor,
        these options are added to `unseen`, see `with_tensors`.
      shown: A function that infers further options from a dictionary of the tensors of
        a checkpoint. None if no options are inferred in this way.
      backbone: The name of the backbone of the family, or None for a preset.
      has: Names of tensors that must all be present.
      lacks: Names of tensors that must all be absent. `has` and `lacks` distinguish
        networks of one kind of checkpoint before any of them is built.
    """

    name: str
    options: tuple[tuple[str, object], ...] = ()
    factory: str = ""
    aux: str = ""
    peer: tuple[tuple[str, object], ...] = ()
    unseen: tuple[tuple[str, object], ...] = ()
    unseen_with: tuple[tuple[str, tuple[tuple[str, object], ...]], ...] = ()
    shown: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    backbone: str | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Returns the name of the network, with its backbone if it is a family."""
        return self.name if self.backbone is None else f"{self.name} on {self.backbone}"

    def fits(self, keys: Iterable[str]) -> bool:
        """Returns whether these tensor names can belong to the network.

        Args:
          keys: The names of the tensors.
        """
        keys = set(keys)
        return keys.issuperset(self.has) and keys.isdisjoint(self.lacks)

    def with_tensors(self, keys: Iterable[str]) -> "SourceNetwork":
        """Returns the network whose `unseen` includes `unseen_with`, where it applies.

        Args:
          keys: The names of the tensors.
        """
        keys = set(keys)
        more = (pairs for key, pairs in self.unseen_with if key in keys)
        unseen = dict(itertools.chain(self.unseen, *more))
        return dataclasses.replace(self, unseen=tuple(unseen.items()))

    def options_for(self, keys: Iterable[str]) -> dict[str, object]:
        """Returns a dictionary of `create_model` options that fit a state dict.

        Args:
          keys: The names of the tensors, or the tensors by name. Options that depend
            on shapes are returned only for the latter.
        """
        auxiliary = self.aux and any(key.startswith(self.aux) for key in keys)
        options = dict(self.options) | ({"aux": True} if auxiliary else {})
        if self.shown is not None and isinstance(keys, Mapping):
            options |= self.shown(keys)
        return options


def _call(net: Any, image: Any) -> Any:
    return net(image)


@dataclasses.dataclass(frozen=True)
class Peer:
    """Builds networks with an installed library, to compare their logits with jaxseg's.

    Attributes:
      library: The module that must be importable.
      build: A function that takes a `SourceNetwork`, the options of the jaxseg
        network, the keys of a state dict, `num_classes` and `channels`, and returns a
        torch module with new weights.
      forward: A function that takes that module and an image [B, C, H, W], and returns
        the logits.
      size: The height and width of the image that is compared.
    """

    library: str
    build: Callable[..., Any]
    forward: Callable[[Any, Any], Any] = _call
    size: tuple[int, int] = (96, 128)  # Most networks require multiples of 32.


@dataclasses.dataclass(frozen=True)
class Source:
    """Describes one kind of checkpoint, such as the ResNets of timm.

    Attributes:
      name: A readable name.
      rules: The import table.
      library: The library that wrote the checkpoint: torchvision, timm,
        segmentation_models_pytorch, mmsegmentation or transformers.
      has: Names of tensors that must all be present.
      lacks: Names of tensors that must all be absent.
      part: "network", or "backbone" if only the backbone is imported.
      networks: The networks of jaxseg that fit. The first one whose shapes agree is
        used.
      options: Options of a network with this backbone, as pairs (name, value).
      example: The name of a preset or of a family of jaxseg that has this backbone.
      backbone: The name of the backbone if `example` is a family, or "" if it is a
        preset.
      normalization: The normalization of the training images.
      hints: Pairs (word, normalization), for kinds whose tensors do not show the
        normalization. The first pair whose word occurs in the name of the file or its
        folder is used.
      classes: The class names, if all published weights of the library share them.
      assumed: A property that cannot be inferred from the tensors and that no option
        can change.
      absent: Shell patterns of paths of the model, such as "*stage?_norm/*", that these
        checkpoints never contain. Such parameters keep their initial values.
      lookalikes: Other networks whose tensors have the same names and shapes.
      named: A regular expression. A checkpoint whose file name matches it is known to
        be none of the lookalikes.
      peer: Builds the networks of the installed library, if logits can be compared.
    """

    name: str
    rules: Rules
    library: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    part: str = "network"
    networks: tuple[SourceNetwork, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    example: str = ""
    backbone: str = ""
    normalization: Normalization = IMAGENET
    hints: tuple[tuple[str, Normalization], ...] = ()
    classes: tuple[str, ...] = ()
    assumed: str = ""
    absent: tuple[str, ...] = ()
    lookalikes: tuple[Lookalike, ...] = ()
    named: str = ""
    peer: Peer | None = None

    def fits(self, keys: set[str]) -> bool:
        """Returns whether these tensor names belong to this kind of checkpoint.

        Args:
          keys: The names of the tensors.
        """
        return all(key in keys for key in self.has) and not any(
            key in keys for key in self.lacks
        )

    def lookalike(self, names: str) -> Lookalike | None:
        """Returns the unsupported network that a checkpoint's names suggest, or None.

        The tensors of such a network look like those of this kind of checkpoint.

        Args:
          names: The names of the checkpoint's file, folder and network in lower case.
        """
        return next((kind for kind in self.lookalikes if kind.matches(names)), None)

    def check_names(self, names: str, path: str) -> None:
        """Raises an error if a checkpoint's file name suggests an unsupported network.

        Args:
          names: The names of the checkpoint's file, folder and network in lower case.
          path: The name of the file, for the message.

        Raises:
          ValueError: If the names suggest such a network.
        """
        kind = self.lookalike(names)
        if kind is not None and kind.options is None:
            raise ValueError(
                f"The name of {path} suggests {kind.what}, which {self.name} does not "
                "support.\nThe tensors look like those of a supported network. Rename "
                "the file if its name is wrong."
            )

    def doubts(self, names: str) -> tuple[Lookalike, ...]:
        """Returns a tuple of the unsupported networks that a checkpoint could contain.

        Their tensors equal those of this kind in name and shape. The tuple is empty if
        the file name shows which network it is.

        Args:
          names: The names of the checkpoint's file, folder and network in lower case.
        """
        told = self.named and re.search(self.named, names)
        return () if told or self.lookalike(names) else self.lookalikes

    def normalization_of(self, address: str) -> tuple[Normalization, str]:
        """Returns the normalization of the images on which a checkpoint was trained.

        Args:
          address: The address of the checkpoint file.

        Returns:
          A pair: the `Normalization`, and a note as text, which is "" unless the
          normalization is a guess.
        """
        near = "/".join(address.lower().split("/")[-2:])
        for word, normalization in self.hints:
            if word in near:
                return normalization, ""
        if not self.hints:
            return self.normalization, ""
        words = ", ".join(word for word, _ in self.hints)
        return self.normalization, (
            f"The normalization is unknown, because neither the tensors nor the name "
            f"({words}) show how the images of this {self.name} were normalized. That "
            "of ImageNet is assumed."
        )

    def network(
        self,
        name: str,
        options: Mapping[str, object] | None = None,
        backbone: str | None = None,
    ) -> SourceNetwork:
        """Returns the `SourceNetwork` with the given name.

        It is an entry of `networks`. If several entries have the name, the entry that
        agrees with most of `options` is returned. If none has it, the result is a new
        description without options.

        Args:
          name: The name of the network.
          options: The options of the user.
          backbone: The name of the backbone, if `name` is that of a family.
        """
        wanted = (name, backbone)
        rows = [row for row in self.networks if (row.name, row.backbone) == wanted] or [
            SourceNetwork(name, backbone=backbone)
        ]
        given = options or {}
        return max(rows, key=lambda row: sum(given.get(k) == v for k, v in row.options))


def backbone_row(
    name: str,
    rules: Rules,
    library: str,
    has: tuple[str, ...],
    lacks: tuple[str, ...] = (),
    **more: Any,
) -> Source:
    """Returns the description of checkpoints from which only backbones are imported.

    The result is a `Source`. The arguments, including those in `more`, are attributes
    of `Source`. Such checkpoints never contain the neck of a backbone.
    """
    more["absent"] = (*more.get("absent", ()), "neck/*", "backbone/neck/*")
    return Source(
        name,
        rules=rules,
        library=library,
        has=has,
        lacks=lacks,
        part="backbone",
        **more,
    )
