"""Finds the options that a checkpoint contains, and those that must be assumed."""

import dataclasses
from collections.abc import Iterable, Mapping

from jaxseg.config.wording import option_text
from jaxseg.weights.catalog import mmseg_config, smp_config
from jaxseg.weights.catalog.evidence import Evidence
from jaxseg.weights.catalog.lookalikes import Lookalike
from jaxseg.weights.catalog.sources import Source, SourceNetwork


@dataclasses.dataclass(frozen=True)
class Stated:
    """Holds network options whose values are stated in a checkpoint.

    Attributes:
      options: Options of `create_model` that differ from their usual values in the
        library that wrote the checkpoint.
      place: The file or entry that states the options, or "" if none are stated.
      notes: Descriptions of settings in that place that do not apply to jaxseg.
    """

    options: Mapping[str, object]
    place: str = ""
    notes: tuple[str, ...] = ()


def stated(evidence: Evidence, network: SourceNetwork) -> Stated:
    """Returns the options that a checkpoint of a whole network states.

    The result is a `Stated`, which also names the file or entry that states them.

    Args:
      evidence: The facts about the checkpoint that do not follow from its tensors.
      network: The description of the network.

    Raises:
      ValueError: If the checkpoint states a setting that jaxseg does not support.
    """
    if mmseg_config.model_of(evidence.beside):
        options = mmseg_config.stated_options(evidence.beside, network)
        return Stated(options, "meta.cfg in the file")
    if smp_config.is_config(evidence.config):
        options = smp_config.stated_options(evidence.config, network)
        notes = smp_config.notes(evidence.config)
        return Stated(options, "config.json in the folder of the file", notes)
    return Stated({})


def stated_by_name(source: Source, evidence: Evidence) -> Stated:
    """Returns the network options that the name of a backbone checkpoint implies.

    The name can be that of the file, of its folder or repository, or of the
    architecture. The result is a `Stated`. It has no options if the name implies none.

    Args:
      source: The kind of the checkpoint.
      evidence: The facts about the checkpoint that do not follow from its tensors. Only
        the names are used.
    """
    kind = source.lookalike(evidence.names)
    told = dict(kind.options) if kind is not None and kind.options else {}
    return Stated(told, "the file's name" if told else "")


def assumptions(
    network: SourceNetwork,
    told: Stated,
    given: Iterable[str],
    doubts: Iterable[Lookalike],
) -> tuple[str, ...]:
    """Describes the options that neither the checkpoint nor the user has set.

    Args:
      network: The selected network. Its attribute `unseen` contains the options that
        cannot be inferred from the tensors.
      told: The options that the checkpoint states, and where it states them.
      given: The names of options that the user has set.
      doubts: Unsupported networks whose tensors have the same names and shapes, so that
        the checkpoint could contain one of them.

    Returns:
      A tuple with one text for each assumption, which also says how the user can set
      the option.
    """
    texts = list(told.notes)
    open_ = {} if told.place else dict(network.unseen)
    open_ = {name: value for name, value in open_.items() if name not in {*given}}
    if open_:
        values = ", ".join(f"{n}={_usual(n, v, network)!r}" for n, v in open_.items())
        name, value = next(iter(_other(open_).items()))
        texts.append(
            f"{values}, which the tensors do not show (pass other values as in "
            f"{flag(name, value)})"
        )
    for kind in doubts:
        if kind.options is None:
            texts.append(
                f"not {kind.what}, which has the same tensors and is not supported"
            )
        elif not {name for name, _ in kind.options} & {*given}:
            flags = " ".join(flag(name, value) for name, value in kind.options)
            texts.append(
                f"not {kind.what}, which has the same tensors (pass {flags} if it is)"
            )
    return tuple(texts)


def flag(name: str, value: object) -> str:
    """Returns an option of a network as it is written on the command line.

    >>> flag("rates", (6, 12, 18)), flag("align_corners", True)
    ('--model.options.rates 6 12 18', '--model.options.align_corners true')

    Args:
      name: The name of the option.
      value: The value.
    """
    several = isinstance(value, tuple) and len(value) > 1
    return option_text(f"model.options.{name}", *(value if several else (value,)))


def _usual(name: str, value: object, network: SourceNetwork) -> object:
    """Returns a readable value, with the rates that follow from the output stride."""
    if name == "rates" and value is None:
        known = {**dict(network.unseen), **dict(network.options)}
        span = 96 // int(known.get("output_stride", 8))
        return tuple(span * k for k in (1, 2, 3))
    return value


def _other(open_: Mapping[str, object]) -> dict[str, object]:
    """Returns an example of another value, for the option that differs most often."""
    if "output_stride" in open_:
        return {"output_stride": 16 if open_["output_stride"] == 8 else 8}
    name, value = next(iter(open_.items()))
    others = {
        **{False: True, (1, 1, 1): (1, 2, 4)},
        **{"embedded_gaussian": "dot_product", "avg": "max"},
    }
    return {name: others.get(value, value)}
