"""Builds the specification of several datasets on which one network is trained."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import Literal

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data.classes import shown_classes
from jaxseg.data.datasets.lookup import require_kind, spec_of
from jaxseg.data.mix.class_map import Rule, from_rules, named_targets
from jaxseg.data.mix.map_file import parse_rules, read_rules
from jaxseg.data.mix.member import Color, Member
from jaxseg.data.mix.settings import member_data, naming_member
from jaxseg.data.mix.union import Union
from jaxseg.data.spec import VOID, WIDE_VOID, DatasetSpec, generated_palette
from jaxseg.text import counted

logger = logging.getLogger(__name__)


def union_spec(config: DataConfig, specs: Sequence[DatasetSpec]) -> DatasetSpec:
    """Returns the specification of several datasets on which one network is trained.

    Its classes are the union: all classes that the network predicts.

    Args:
      config: The data options of the run, with `mix`.
      specs: The specification of each dataset.

    Raises:
      ValueError: If a class map lacks a class, if none of the datasets has some class
        of the union, or if the images of the datasets differ in channels or value
        range.
    """
    _check_pixels(config, specs)
    listed = [
        _rules(member, spec, f"data.mix[{k}]")
        for k, (member, spec) in enumerate(zip(config.mix, specs, strict=True))
    ]
    classes = config.classes or named_targets(r for rules, _ in listed for r in rules)
    members = []
    for k, (rules, origin) in enumerate(listed):
        member, spec = config.mix[k], specs[k]
        found = from_rules(rules, spec.classes, classes, origin=origin)
        with naming_member(config, k):
            members.append(_member(member, spec, found.targets))
    union = Union(tuple(classes), tuple(members))
    _check_reach(config, union)
    wide = len(classes) + len(union.merged) > VOID or any(s.void > VOID for s in specs)
    mean, std = pooled(specs, [member.weight for member in config.mix])
    return dataclasses.replace(
        specs[0],
        name="+".join(member.name for member in members),
        classes=union.classes,
        palette=_palette(union),
        void=WIDE_VOID if wide else VOID,
        mean=mean,
        std=std,
        labels=(),
        origin="data.classes" if config.classes else "the class maps of data.mix",
        source=(),
        members=union.members,
    )


def stated_spec(
    config: DataConfig, kind: Literal["images", "clouds"] = "images"
) -> DatasetSpec:
    """Returns the specification of the dataset or datasets of a run; reads no image.

    If the run has several datasets, its classes are the union of their classes.

    Args:
      config: The data options of the run.
      kind: The kind of examples that the network needs, "images" or "clouds" (point
        clouds).

    Raises:
      ValueError: If a dataset has examples of another kind, or is a folder whose
        classes the options do not name.
    """
    if not config.mix:
        require_kind(config, kind)
        return spec_of(config)
    specs = []
    for k, member in enumerate(config.mix):
        with naming_member(config, k):
            data = member_data(config, member)
            require_kind(data, kind)
            specs.append(spec_of(data))
    return union_spec(config, specs)


def _member(
    member: MemberConfig, spec: DatasetSpec, targets: tuple[tuple[str, ...], ...]
) -> Member:
    return Member(member.title, spec.classes, spec.palette, targets, spec.void)


def _rules(
    member: MemberConfig, spec: DatasetSpec, where: str
) -> tuple[list[Rule], str]:
    """Returns the rules of the class map of a dataset, and where they come from."""
    given = member.class_map
    if isinstance(given, str):
        return read_rules(given), given
    origin = f"{where}.class_map"
    if given:
        return parse_rules(enumerate(given, start=1), origin=origin), origin
    return [Rule(name, (name,)) for name in spec.classes], origin


def _check_pixels(config: DataConfig, specs: Sequence[DatasetSpec]) -> None:
    """Raises ValueError unless all images have one form."""
    first = specs[0]
    for member, spec in zip(config.mix, specs, strict=True):
        if _pixels(spec) != _pixels(first):
            raise ValueError(
                f"The images of data.mix differ: {member.title!r} has "
                f"{_pixels(spec)}, but {config.mix[0].title!r} has {_pixels(first)}. "
                "All datasets need the same number of channels, pixel type and value "
                "range. Set data.channels, data.pixels or data.range of one dataset, "
                "or convert its files."
            )


def _pixels(spec: DatasetSpec) -> str:
    low, high = spec.value_range
    channels = counted(spec.channels, "channel")
    return f"{channels} of {spec.image_type} from {low:g} to {high:g}"


def _check_reach(config: DataConfig, union: Union) -> None:
    if lost := union.unreached():
        raise ValueError(
            f"data.classes={config.classes} is invalid: expected that each class is a "
            f"target in the class map of a dataset, but no dataset has "
            f"{shown_classes(lost)}. Correct the class maps or data.classes."
        )
    pairs = zip(union.members, config.mix, strict=True)
    used = tuple(member for member, options in pairs if options.weight > 0)
    trained = Union(union.classes, used)
    if absent := trained.unreached():
        logger.warning(
            "No training dataset contains %s, so the network cannot learn these "
            "classes.",
            shown_classes(absent),
        )
    for names in trained.inseparable():
        logger.warning(
            "No training dataset distinguishes %s, so the network cannot learn to "
            "distinguish them.",
            shown_classes(names),
        )


def _palette(union: Union) -> tuple[Color, ...]:
    """Returns the color of each union class in the first dataset that has the class."""
    colors = dict(
        zip(union.classes, generated_palette(len(union.classes)), strict=True)
    )
    for member in reversed(union.members):
        for names, color in zip(member.targets, member.palette, strict=True):
            if len(names) == 1:
                colors[names[0]] = color
    return tuple(colors[name] for name in union.classes)


def pooled(
    specs: Sequence[DatasetSpec], weights: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns the means and the standard deviations of the channels over all datasets.

    Args:
      specs: The specifications of the datasets, with the mean and the standard
        deviation of each channel. All datasets have the same number of channels.
      weights: For each dataset, a number in proportion to how often training reads it.

    Returns:
      The mean of each channel, and the standard deviation of each channel.
    """
    used = [(spec, w) for spec, w in zip(specs, weights, strict=True) if w > 0]
    pairs = {(spec.mean, spec.std) for spec, _ in used}
    if len(pairs) == 1:
        return pairs.pop()  # without rounding
    total = sum(w for _, w in used)
    mean, std = [], []
    for channel in range(specs[0].channels):
        first = sum(w * s.mean[channel] for s, w in used) / total
        second = (
            sum(w * (s.std[channel] ** 2 + s.mean[channel] ** 2) for s, w in used)
            / total
        )
        mean.append(first)
        std.append(math.sqrt(second - first**2))
    return tuple(mean), tuple(std)
