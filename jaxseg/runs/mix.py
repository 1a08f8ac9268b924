"""Checks the options of a run that trains one network on several datasets."""

from __future__ import annotations

from jaxseg.config import Config
from jaxseg.data.mix.settings import check_mix
from jaxseg.runs.bounds import BOUNDS
from jaxseg.runs.rules import check_bounds, invalid, number

DATA = {name: rule for name, rule in BOUNDS.items() if name.startswith("data.")}
WEIGHT = number(0)


def check(config: Config) -> None:
    """Raises ValueError unless a run can be trained on the datasets in `data.mix`.

    Args:
      config: A configuration with at least one dataset in `data.mix`.

    Raises:
      ValueError: If an option is invalid. The message names the first such option.
    """
    for k, member in enumerate(config.data.mix):
        where = f"data.mix[{k}]."
        check_bounds(member, DATA, prefix=where)
        WEIGHT.check(f"{where}weight", member.weight)
    check_mix(config.data)
    if config.loss.class_weights != "none":
        expected = "'none' with data.mix, because its labels can merge classes"
        found = config.loss.class_weights
        raise ValueError(invalid("loss.class_weights", found, expected))
