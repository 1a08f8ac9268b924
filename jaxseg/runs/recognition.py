"""Recognizes the network that the weights of a checkpoint belong to."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from jaxseg.config import Config, ModelConfig
from jaxseg.models import MODELS
from jaxseg.runs.config_file import overridden
from jaxseg.runs.directory import CONFIG, build_model, read_config, read_spec
from jaxseg.runs.network_checks import check_options
from jaxseg.runs.wanted import INNER, Wanted
from jaxseg.weights.catalog.detection import LISTED, detect, part_of
from jaxseg.weights.catalog.evidence import Evidence, gather
from jaxseg.weights.catalog.lookalikes import Lookalike
from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.catalog.stated import Stated, assumptions, stated, stated_by_name
from jaxseg.weights.catalog.unsupported import name_of
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.convert import convert, flatten
from jaxseg.weights.translate.input_channels import adapt_input
from jaxseg.weights.translate.mismatch import Mismatch
from jaxseg.weights.translate.num_classes import count_classes, image_channels
from jaxseg.weights.translate.refused import Refused, Remedy
from jaxseg.weights.translate.rules import Rules
from jaxseg.weights.translate.state_dict import StateDict, unwrap


@dataclasses.dataclass(frozen=True)
class Recognized:
    """Describes the network to which the weights of a checkpoint belong.

    Attributes:
      config: The configuration with the network and its options.
      num_classes: The number of classes.
      channels: The number of image channels.
      told: The network options that the checkpoint states, and where it states them.
      assumed: Descriptions of the settings that were assumed, because the checkpoint
        does not determine them.
    """

    config: Config
    num_classes: int
    channels: int = 3
    told: Stated = dataclasses.field(default_factory=lambda: Stated({}))
    assumed: tuple[str, ...] = ()


def recognize(tree: Any, path: str, address: str, wanted: Wanted) -> Recognized:
    """Returns a `Recognized` with the network that a checkpoint's weights belong to.

    Args:
      tree: The content of the checkpoint: nested dictionaries of arrays and other
        entries.
      path: The local path of the checkpoint.
      address: The address that the user gave: the path or an `hf://` address.
      wanted: The settings of the user, such as the network or the number of classes.

    Raises:
      ValueError: If no network fits the weights, or if more options are needed.
    """
    if (pathlib.Path(path) / CONFIG).is_file() and not wanted.model:
        return _ours(tree, read_config(path), wanted, read_spec(path).num_classes)
    if is_ours(tree):
        if not wanted.model:
            raise Refused(
                f"{path} is invalid: expected the name of the network, because the "
                "file contains jaxseg weights but does not name their network.",
                [Remedy("model", "NAME", "state it (`jaxseg models` lists the names)")],
            )
        return _ours(tree, Config(model=wanted.network({})), wanted)
    found = unwrap(tree, path, entry=wanted.entry, recognize=part_of)
    evidence = gather(address, path, found.beside)
    source = detect(found.state, path)
    source.check_names(evidence.names, path)
    if source.part == "backbone":
        return _backbone(source, found, path, evidence, wanted)
    pair = (wanted.model, wanted.backbone)
    if wanted.backbone and pair not in [(n.name, n.backbone) for n in source.networks]:
        raise ValueError(
            f"backbone={wanted.backbone!r} is invalid: expected no backbone, because "
            f"{path} contains a whole network ({source.library} {source.name}). Leave "
            "the backbone out."
        )
    if wanted.model in MODELS or wanted.backbone:
        given = _options(wanted)
        network = source.network(wanted.model, given, wanted.backbone or None)
        return _network(source, network, found, evidence, wanted)
    if wanted.model:
        source = dataclasses.replace(source, networks=_named_networks(source, wanted))
    return _closest(source, found, path, evidence, wanted)


def _named_networks(source: Source, wanted: Wanted) -> tuple[SourceNetwork, ...]:
    """Returns the networks of the named family on any backbone.

    If the kind of checkpoint has none, the result is a network with the given name.
    """
    found = tuple(row for row in source.networks if row.name == wanted.model)
    return found or (source.network(wanted.model),)


def is_ours(tree: Any) -> bool:
    """Returns whether a checkpoint has the parameter names of jaxseg's networks."""
    first = next(iter(tree), "") if isinstance(tree, Mapping) else ""
    return str(first).partition("/")[0] in ("params", "batch_stats")


def _options(wanted: Wanted) -> Mapping[str, Any]:
    return wanted.options.get("model", {}).get("options", {})


def _ours(
    tree: Any, base: Config, wanted: Wanted, num_classes: int | None = None
) -> Recognized:
    """Returns the network of a run directory, or the named one for jaxseg weights."""
    config = _overridden(base, wanted)
    num_classes = wanted.num_classes or num_classes
    state = flatten(tree) if "params" in tree else tree
    rules = tuple((key, key, "identity") for key in state)
    channels = wanted.channels or _channels(config, state, rules)
    if num_classes is None:
        shapes = (_shapes(config, n, channels) for n in (2, 3))
        num_classes = count_classes(state, rules, *shapes)
    return Recognized(config, num_classes, channels)


def _overridden(base: Config, wanted: Wanted) -> Config:
    config = overridden(base, wanted.options)
    check_options(config, wanted.options)
    return config


def _backbone(
    source: Source, found: StateDict, path: str, evidence: Evidence, wanted: Wanted
) -> Recognized:
    """Returns a network for a checkpoint that contains only a backbone."""
    lacking = [
        Remedy(
            "model", source.example or "NAME", "select the network for this backbone"
        )
        if not wanted.model
        else None,
        Remedy("backbone", source.backbone, "select the backbone of the family")
        if source.backbone and not wanted.backbone
        else None,
        Remedy(
            "part",
            "backbone",
            "take the backbone and initialize the rest at random",
            flag="component",
        )
        if not wanted.part
        else None,
        Remedy("num_classes", "21", "state the number of classes of the network")
        if not wanted.num_classes
        else None,
    ]
    if any(lacking):
        name = name_of(set(found.state))
        raise Refused(
            f"{path} contains {name}, whose head is not supported ({source.name})."
            if name
            else f"{path} contains a backbone without a segmentation head "
            f"({source.library} {source.name}).",
            filter(None, lacking),
        )
    told = stated_by_name(source, evidence)
    options = _accepted(wanted, dict(source.options) | dict(told.options))
    config = _overridden(Config(model=wanted.network(options)), wanted)
    channels = wanted.channels or _channels(config, found.state, source.rules)
    doubts = [_below(kind, wanted) for kind in source.doubts(evidence.names)]
    assumed = assumptions(SourceNetwork(wanted.model), Stated({}), wanted.given, doubts)
    return Recognized(
        config,
        num_classes=wanted.num_classes,
        channels=channels,
        told=told,
        assumed=assumed,
    )


def _below(kind: Lookalike, wanted: Wanted) -> Lookalike:
    """Returns a lookalike with the names that its options have in the network."""
    if not wanted.backbone or kind.options is None:
        return kind
    options = tuple((f"{INNER}.{name}", value) for name, value in kind.options)
    return dataclasses.replace(kind, options=options)


def _accepted(wanted: Wanted, options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that the network, or the backbone of the family, has."""
    accepted: dict[str, Any] = {}
    for name, value in options.items():
        more = {**accepted, name: value}
        try:
            build_model(Config(model=wanted.network(more)), 2)
        except ValueError:
            continue
        accepted = more
    return accepted


def _network(
    source: Source,
    network: SourceNetwork,
    found: StateDict,
    evidence: Evidence,
    wanted: Wanted,
) -> Recognized:
    """Returns the network for the weights of a whole network."""
    network = network.with_tensors(found.state)
    told = stated(evidence, network)
    options = network.options_for(found.state) | dict(told.options)
    base = Config(model=ModelConfig(network.name, options, network.backbone))
    config = _overridden(base, wanted)
    small, large = _shapes(config, 2, 3), _shapes(config, 3, 5)
    num_classes = wanted.num_classes
    if num_classes is None:
        num_classes = count_classes(found.state, source.rules, small, large)
    channels = image_channels(found.state, source.rules, small, large)
    assumed = assumptions(
        network, told, wanted.given, source.doubts(evidence.names)
    ) + ((source.assumed,) if source.assumed and not told.place else ())
    channels = wanted.channels or channels or 3
    return Recognized(
        config, num_classes=num_classes, channels=channels, told=told, assumed=assumed
    )


def _closest(
    source: Source, found: StateDict, path: str, evidence: Evidence, wanted: Wanted
) -> Recognized:
    """Returns the first network of a row that has a place for every tensor.

    Raises:
      ValueError: If none fits. The message describes the mismatch of the closest
        network.
    """
    misfits: list[tuple[int, str, str]] = []
    fitting = [network for network in source.networks if network.fits(found.state)]
    for network in fitting or source.networks:
        try:
            _check_names(network, source, found, wanted)
            chosen = _network(source, network, found, evidence, wanted)
            _check(chosen, found, source.rules)
        except Mismatch as error:
            problems = error.problems
            misfits.append((problems.count, _named(network), problems.summary()))
        else:
            return chosen
    _, name, summary = min(misfits)
    raise ValueError(
        f"{path} contains {source.library} {source.name}, but its tensors fit no "
        f"supported network. {name} comes closest: {summary}.\n{LISTED}."
    )


def _check_names(
    network: SourceNetwork, source: Source, found: StateDict, wanted: Wanted
) -> None:
    """Raises Mismatch if tensors are missing or unexpected, ignoring shapes."""
    options = network.options_for(found.state) | dict(_options(wanted))
    config = Config(model=ModelConfig(network.name, options, network.backbone))
    try:
        shapes = _shapes(config, wanted.num_classes or 2, wanted.channels or 3)
        convert(found.state, source.rules, shapes, allow_missing=("aux*",))
    except Mismatch as error:
        if error.problems.missing or error.problems.unused:
            raise


def _named(network: SourceNetwork) -> str:
    depth = dict(network.options).get("depth")
    return network.title + (f" with depth={depth}" if depth else "")


def _check(chosen: Recognized, found: StateDict, rules: Rules) -> None:
    """Raises Mismatch unless all tensors fit; auxiliary heads may be missing."""
    shapes = _shapes(chosen.config, chosen.num_classes, chosen.channels)
    state, _ = adapt_input(
        found.state, rules=rules, shapes=shapes, channels=chosen.channels
    )
    convert(state, rules, shapes, allow_missing=("aux*",))


def _shapes(config: Config, num_classes: int, channels: int) -> Any:
    return variable_shapes(build_model(config, num_classes), channels)


def _channels(config: Config, state: Mapping[str, Any], rules: Rules) -> int:
    """Returns the number of image channels that the first convolutions expect."""
    small, large = _shapes(config, 2, 3), _shapes(config, 2, 5)
    return image_channels(state, rules, small, large) or 3
