"""Maps the classes of one dataset to the classes of another by their names.

A class map must be total: it mentions every class of the source dataset exactly once. A
class is mapped to one target class, to several if the target dataset divides the class
further, or to void if its pixels are to be ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from jaxseg.text import similar

IGNORED = "void"  # The target of classes whose pixels are ignored.
Targets = str | Sequence[str]


@dataclasses.dataclass(frozen=True)
class ClassMap:
    """Maps each class of a source dataset to a set of classes of a target dataset.

    `first >> second` is the map that applies `first` and then `second`.

    >>> fine = ("road", "car", "truck")
    >>> coarse = ClassMap.of({"ground": "road", "vehicle": ("car", "truck")}, fine)
    >>> coarse.targets
    (('road',), ('car', 'truck'))
    >>> to_movable = ClassMap.of({"road": "void", "car": "movable", "truck": "movable"})
    >>> (coarse >> to_movable).targets
    ((), ('movable',))

    Attributes:
      source: The classes of the source in label order.
      target: The classes of the target in label order.
      targets: The target classes of each source class, in the order of `target`. They
        are () for a class that is mapped to void.

    Raises:
      ValueError: If a class repeats, or if the map names a class that the target does
        not have.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        rules = zip(self.source, self.targets, strict=True)
        found = [Rule(name, targets) for name, targets in rules]
        require_total(found, self.source, self.target, origin="targets")
        place = {name: k for k, name in enumerate(self.target)}
        ordered = (
            tuple(sorted(names, key=place.__getitem__)) for names in self.targets
        )
        object.__setattr__(self, "targets", tuple(ordered))

    @classmethod
    def of(
        cls,
        rules: Mapping[str, Targets],
        target: Sequence[str] | None = None,
        *,
        source: Sequence[str] | None = None,
    ) -> ClassMap:
        """Creates a class map from a dictionary of class names.

        Args:
          rules: A dictionary from each source class to its target class, to a sequence
            of target classes, or to "void".
          target: The classes of the target. By default they are the classes that the
            rules name, in order of appearance.
          source: The classes of the source. By default they are the keys of the rules.

        Raises:
          ValueError: If a source class is missing or a class is unknown. The message
            lists the missing and the unknown names.
        """
        listed = [Rule(name, split_targets(aim)) for name, aim in rules.items()]
        return from_rules(listed, source, target, origin="rules")

    @classmethod
    def identity(cls, classes: Sequence[str]) -> ClassMap:
        """Returns the class map that maps each class to the class of the same name."""
        names = tuple(classes)
        return cls(names, names, tuple((name,) for name in names))

    def __rshift__(self, after: ClassMap) -> ClassMap:
        """Returns the class map that applies this map first and then `after`.

        A class goes to void if any of its intermediate classes does: its pixels may
        then belong to an ignored class.

        Args:
          after: A map whose source classes are the target classes of this map.

        Raises:
          ValueError: If `after` starts from other classes.
        """
        if self.target != after.source:
            lacking = [name for name in self.target if name not in after.source]
            more = [name for name in after.source if name not in self.target]
            detail = f"missing {lacking}, unknown {more}"
            if not lacking and not more:
                detail = "the order differs"
            raise ValueError(
                f"after.source={after.source} is invalid: expected {self.target}, "
                f"because these are the targets of the first map ({detail})."
            )
        onward = dict(zip(after.source, after.targets, strict=True))
        composed = []
        for names in self.targets:
            parts = [onward[name] for name in names]
            joined = dict.fromkeys(name for part in parts for name in part)
            composed.append(tuple(joined) if all(parts) else ())
        return ClassMap(self.source, after.target, tuple(composed))

    @property
    def indices(self) -> tuple[tuple[int, ...], ...]:
        """Returns for each source class a tuple of the indices of its target classes.

        The tuple is empty for a source class that is mapped to void.
        """
        place = {name: k for k, name in enumerate(self.target)}
        return tuple(tuple(place[name] for name in names) for names in self.targets)

    def to_lines(self) -> tuple[str, ...]:
        """Returns the map as a tuple of lines of text, one for each source class.

        Examples are "vehicle -> car | truck" and "sky -> void". The functions of
        `jaxseg.data.mix.map_file` read such lines.
        """
        return tuple(
            f"{name} -> {' | '.join(names) or IGNORED}"
            for name, names in zip(self.source, self.targets, strict=True)
        )


@dataclasses.dataclass(frozen=True)
class Rule:
    """Contains the target classes that a user has assigned to one source class.

    Attributes:
      source: The source class.
      targets: The target classes, or () for void.
      where: The line of the rule in its file, such as "line 3", or "" without a file.
    """

    source: str
    targets: tuple[str, ...]
    where: str = ""


def split_targets(targets: Targets) -> tuple[str, ...]:
    """Returns the target classes of a class map's rule as a tuple, () for "void".

    Raises:
      ValueError: If void is combined with a class, or there is no target.
    """
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    if names == (IGNORED,):
        return ()
    if not names or IGNORED in names:
        raise ValueError(
            f"targets={list(names)} is invalid: expected one or more classes, or "
            f"{IGNORED!r} alone."
        )
    return names


def from_rules(
    rules: Sequence[Rule],
    source: Sequence[str] | None,
    target: Sequence[str] | None,
    *,
    origin: str,
) -> ClassMap:
    """Builds a class map from rules, one for each source class, in any order.

    Args:
      rules: The rules.
      source: The classes of the source, or None to take those of the rules.
      target: The classes of the target, or None to take those that the rules name.
      origin: The name of the file or of the option, for errors.

    Raises:
      ValueError: If a source class is missing or repeated, or a class is unknown.
    """
    if source is None:
        source = tuple(dict.fromkeys(rule.source for rule in rules))
    if target is None:
        target = named_targets(rules)
    require_total(rules, source, target, origin=origin)
    by_name = {rule.source: rule.targets for rule in rules}
    targets = tuple(by_name[name] for name in source)
    return ClassMap(tuple(source), tuple(target), targets)


def named_targets(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Returns the target classes that occur in rules, in order of first appearance."""
    return tuple(dict.fromkeys(name for rule in rules for name in rule.targets))


def require_total(
    rules: Sequence[Rule],
    source: Sequence[str],
    target: Sequence[str],
    *,
    origin: str,
) -> None:
    """Checks that rules mention every source class exactly once, and no unknown class.

    Args:
      rules: The rules, each with one source class and its target classes.
      source: The classes of the source.
      target: The classes of the target.
      origin: The name of the file or of the option, for errors.

    Raises:
      ValueError: If the rules are wrong. The message lists all missing, unknown and
        repeated names.
    """
    mentioned = [rule.source for rule in rules]
    missing = [repr(name) for name in source if name not in mentioned]
    unknown = [
        _guess(rule.source, source, rule.where)
        for rule in rules
        if rule.source not in source
    ]
    astray = [
        _guess(name, target, rule.where)
        for rule in rules
        for name in rule.targets
        if name not in target
    ]
    twice = [
        repr(rule.source) + _at(rule.where)
        for k, rule in enumerate(rules)
        if rule.source in mentioned[:k]
    ]
    double = [
        f"{name!r} of {rule.source!r}" + _at(rule.where)
        for rule in rules
        for name in dict.fromkeys(rule.targets)
        if rule.targets.count(name) > 1
    ]
    named = {
        "missing": missing,
        "unknown": unknown,
        "repeated": twice,
        "unknown targets": astray,
        "repeated targets": double,
        "reserved targets": [repr(IGNORED)] if IGNORED in target else [],
    }
    faults = [f"{fault} {', '.join(names)}" for fault, names in named.items() if names]
    if faults:
        raise ValueError(
            f"{origin}: the class map is invalid: expected exactly one rule for "
            "each source class, which maps it to target classes, found "
            f"{'; '.join(faults)}."
        )


def _guess(name: str, allowed: Sequence[str], where: str) -> str:
    close = similar(name, allowed)
    hints = [where] if where else []
    hints += [f"did you mean {close[0]!r}?"] if close else []
    return f"{name!r} ({', '.join(hints)})" if hints else repr(name)


def _at(where: str) -> str:
    return f" ({where})" if where else ""
