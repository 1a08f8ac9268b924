"""Options that a checkpoint states, and those that must be assumed."""

import dataclasses
from collections.abc import Iterable, Mapping

from jaxseg.weights.catalog import mmseg_config, smp_config
from jaxseg.weights.catalog.evidence import Evidence
from jaxseg.weights.catalog.sources import Lookalike, Network, Source


@dataclasses.dataclass(frozen=True)
class Stated:
    """What lies beside the tensors and tells how the network computes.

    Attributes:
      options: Options of `create_model` that differ from the usual ones.
      place: Where they are stated; empty where nothing is.
    """

    options: Mapping[str, object]
    place: str = ""


def stated(evidence: Evidence, network: Network) -> Stated:
    """What a checkpoint of a whole network states about options the tensors hide.

    Raises:
      ValueError: It states something that the network here cannot compute.
    """
    if mmseg_config.model_of(evidence.beside):
        options = mmseg_config.stated_options(evidence.beside, network)
        return Stated(options, "meta.cfg in the file")
    if smp_config.is_config(evidence.config):
        options = smp_config.stated_options(evidence.config, network)
        return Stated(options, "config.json beside the file")
    return Stated({})


def stated_by_name(source: Source, evidence: Evidence) -> Stated:
    """Options that the names of a backbone's file state."""
    kind = source.lookalike(evidence.names)
    told = dict(kind.options) if kind is not None and kind.options else {}
    return Stated(told, "the file's name" if told else "")


def assumptions(
    network: Network, told: Stated, given: Iterable[str], doubts: Iterable[Lookalike]
) -> tuple[str, ...]:
    """What the tensors do not show and nobody stated, each with how to state it.

    Args:
      network: The network that was chosen, with its `unseen` options.
      told: What the checkpoint states.
      given: Names of options that the user stated.
      doubts: Lookalikes that neither tensors nor names rule out.

    Returns:
      One text for each assumption; empty where all is known.
    """
    texts = []
    open_ = {} if told.place else dict(network.unseen)
    open_ = {name: value for name, value in open_.items() if name not in {*given}}
    if open_:
        values = ", ".join(f"{n}={_usual(n, v, network)!r}" for n, v in open_.items())
        name, value = next(iter(_other(open_).items()))
        texts.append(
            f"{values}, which the tensors do not show; state others as in "
            f"{flag(name, value)}"
        )
    for kind in doubts:
        if kind.options is None:
            texts.append(
                f"not {kind.what}, which has the same tensors and is not supported"
            )
        elif not {name for name, _ in kind.options} & {*given}:
            flags = " ".join(flag(name, value) for name, value in kind.options)
            texts.append(
                f"not {kind.what}, which has the same tensors; state it by {flags}"
            )
    return tuple(texts)


def flag(name: str, value: object) -> str:
    """An option of a network as the command line takes it.

    >>> flag("rates", (6, 12, 18)), flag("align_corners", True)
    ('--model.options.rates 6 12 18', '--model.options.align_corners true')
    """
    words = value if isinstance(value, tuple) else (value,)
    shown = (str(w).lower() if isinstance(w, bool) else str(w) for w in words)
    return f"--model.options.{name} {' '.join(shown)}"


def _usual(name: str, value: object, network: Network) -> object:
    """A value for people: rates that follow the output stride are worked out."""
    if name == "rates" and value is None:
        known = {**dict(network.unseen), **dict(network.options)}
        span = 96 // int(known.get("output_stride", 8))
        return tuple(span * k for k in (1, 2, 3))
    return value


def _other(open_: Mapping[str, object]) -> dict[str, object]:
    """An example of another value, of the option that differs most often."""
    if "output_stride" in open_:
        return {"output_stride": 16 if open_["output_stride"] == 8 else 8}
    name, value = next(iter(open_.items()))
    others = {False: True, (1, 1, 1): (1, 2, 4), "embedded_gaussian": "dot_product"}
    return {name: others.get(value, value)}
