"""Checks that all values of a configuration are valid."""

from __future__ import annotations

from jaxseg.config import Config, LossConfig
from jaxseg.losses.adversarial import NAMES as ADVERSARIAL
from jaxseg.losses.objective import option_names
from jaxseg.losses.table import LOSSES, SIGMOID_LOSSES
from jaxseg.runs import checks
from jaxseg.runs.options import check_option, hints_of
from jaxseg.runs.rules import each, invalid, number, some, whole
from jaxseg.tasks.table import SEGMENTATION, task_of
from jaxseg.text import near

OPTIONS = {  # of losses
    "alpha": number(0),
    "anneal_steps": whole(),
    "beta": number(0),
    "edge_weight": number(0),
    "fraction": number(above=0, high=1),
    "gamma": number(0),
    "importance": number(0, 1),
    "margin": number(0),
    "min_kept": whole(),
    "no_object": number(0),
    "oversampling": number(1, 100),
    "points": whole(1, 2**20),
    "same_weight": number(0),
    "sizes": some(whole(1, 1_000)),
    "smooth": number(0),
    "smoothing": number(0, below=1),
    "stride": whole(1, 1_000),
    "temperature": number(above=0),
    "threshold": number(above=0, high=1),
    "weights": each(number(0)),
}


def check(config: Config) -> None:
    """Raises ValueError unless all values of a configuration are valid.

    These include the options of the losses. Files and devices are not checked.

    Args:
      config: The configuration.

    Raises:
      ValueError: If a field has an invalid value. The message names the first such
        field.
    """
    checks.check(config)
    if config.model.output == "sigmoid":
        expected = None
        if task_of(config) is not SEGMENTATION:
            expected = f"'softmax' for model.name={config.model.name!r}"
        elif config.data.mix:
            expected = "'softmax' with data.mix, whose classes exclude each other"
        if expected:
            raise ValueError(invalid("model.output", "sigmoid", expected))
    if config.lab.every and task_of(config) is not SEGMENTATION:
        expected = f"0 with model.name={config.model.name!r}, which has no single map"
        raise ValueError(invalid("lab.every", config.lab.every, expected))
    check_losses(config.loss, config.model.output)
    if config.data.mix:
        _check_mixed(config)


def _check_mixed(config: Config) -> None:
    """Raises ValueError for networks and losses that do not take several datasets."""
    if task_of(config) is not SEGMENTATION:
        expected = "a network of logits for pixels of images, with data.mix"
        raise ValueError(invalid("model.name", config.model.name, expected))
    for name in (config.loss.name, *(name for name, _ in config.loss.additional)):
        takers = [key for key, loss in LOSSES.items() if "merged" in loss.takes]
        if name not in takers:
            expected = (
                f"{' or '.join(takers)} with data.mix, whose labels merge classes"
            )
            raise ValueError(invalid("loss.name", name, expected))


def check_losses(loss: LossConfig, output: str = "softmax") -> None:
    """Raises ValueError for an unknown or repeated loss, or an invalid loss option.

    Args:
      loss: The losses and their options.
      output: The value of `model.output`.
    """
    names = [loss.name, *(name for name, _ in loss.additional)]
    table = LOSSES if output == "softmax" else SIGMOID_LOSSES
    allowed = sorted(table if output == "sigmoid" else (*table, *ADVERSARIAL))
    for place, name in enumerate(names):
        where = "loss.additional" if place else "loss.name"
        if name not in allowed and name in (*LOSSES, *SIGMOID_LOSSES):
            expected = f"with model.output={output!r} one of {', '.join(allowed)}"
            raise ValueError(invalid(where, name, expected))
        if name not in allowed:
            raise ValueError(f"{where}={name!r} is invalid{near(name, allowed)}")
    if len(set(names)) < len(names):
        expected = f"each loss at most once, in addition to loss.name={loss.name!r}"
        raise ValueError(invalid("loss.additional", loss.additional, expected))
    for name, options in loss.options.items():
        where = f"loss.options.{name}"
        if name not in names:
            used = f"options of the losses of this run, {' or '.join(names)}"
            raise ValueError(invalid(where, options, used))
        own = option_names(table[name]) if name in table else ()
        for option, value in options.items():
            if option not in own:
                known = near(option, own or ["none"])
                raise ValueError(f"{where}.{option}={value!r} is invalid{known}")
            hint, rule = hints_of(table[name].function)[option], OPTIONS.get(option)
            check_option(f"{where}.{option}", value=value, hint=hint, rule=rule)
