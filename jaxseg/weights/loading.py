"""Loads a checkpoint of this or another library as the variables of a model."""

import collections
import dataclasses
import glob
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from flax import linen as nn

from jaxseg.checkpoints.finite import check_finite
from jaxseg.typing import Variables
from jaxseg.weights.catalog.detection import detect, part_of
from jaxseg.weights.catalog.evidence import gather
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.formats import files
from jaxseg.weights.formats.opaque import unread_names
from jaxseg.weights.model_variables import completed, variable_shapes
from jaxseg.weights.translate.convert import convert, flatten, translate
from jaxseg.weights.translate.input_channels import adapt_input
from jaxseg.weights.translate.refused import Refused, Remedy
from jaxseg.weights.translate.report import ConversionReport
from jaxseg.weights.translate.rules import Rules
from jaxseg.weights.translate.state_dict import StateDict, unwrap

_COLLECTIONS = ("params/", "batch_stats/")


@dataclasses.dataclass(frozen=True)
class Imported:
    """Holds the variables that were imported from a checkpoint, and a report.

    Attributes:
      variables: The variables of the model.
      report: The tensors that were imported or skipped, and the variables that kept
        their initial values.
      source: The library and network that the checkpoint comes from, or None for files
        of jaxseg.
      found: The state dict that was found, and its location in the file.
    """

    variables: dict
    report: ConversionReport
    source: Source | None
    found: StateDict

    @property
    def beside(self) -> dict[str, Any]:
        """Returns the content of the checkpoint file other than the state dict."""
        return self.found.beside


@dataclasses.dataclass(frozen=True)
class Taking:
    """Selects what to import from a checkpoint.

    Attributes:
      rules: The import table, whose rules map tensor names to variables. By default the
        names of the tensors determine it.
      part: Imports only this top-level part (`"backbone"`). The rest keeps its initial
        values.
      allow_missing: Shell patterns of model paths that may keep their initial values
        (`"aux*"`).
      allow_unused: Shell patterns of names in the source that may be left out.
      channels: The number of image channels, to which first convolutions are adapted
        (see `adapt_kernel`).
      entry: The name under which the weights are stored in the file, or the prefix of
        their names, if there are several (`"model_ema"`).
    """

    rules: Rules | None = None
    part: str | None = None
    allow_missing: Iterable[str] = ()
    allow_unused: Iterable[str] = ()
    channels: int = 3
    entry: str = ""


def load(source, model: nn.Module, **options) -> Variables:
    """Loads the variables of a model from a checkpoint.

    The source is a file such as `"deeplabv3_resnet50_coco.pth"`, or a tree of arrays:

    >>> import jax
    >>> from jaxseg import create_model
    >>> model = create_model("unet", num_classes=2, width=4, depth=1)
    >>> ones = lambda leaf: np.ones(leaf.shape, leaf.dtype)
    >>> variables = load(jax.tree.map(ones, variable_shapes(model)), model)
    >>> variables["params"]["classifier"]["kernel"].shape
    (1, 1, 4, 2)

    Args:
      source: A checkpoint file, an Orbax directory, an `hf://` address, or a state dict
        of arrays.
      model: A whole network, or a backbone.
      **options: Fields of `Taking`, which select what is imported.

    Raises:
      ValueError: If the checkpoint cannot be read or does not fit the model.
    """
    return read_into(source, model, **options).variables


def read_into(
    source: str | os.PathLike | Mapping[str, Any],
    model: nn.Module,
    **options,
) -> Imported:
    """Reads a checkpoint, finds its import table and returns a model's variables.

    Args:
      source: A file (.pth, .pt, .ckpt, .safetensors, .npz), an Orbax directory, an
        `hf://` address, or a state dict of arrays.
      model: A whole network, or a backbone.
      **options: Fields of `Taking`, which select what is imported.

    Returns:
      An `Imported`, with the variables and a report of the import.

    Raises:
      ValueError: If tensors are missing, unused or of another shape; if the file cannot
        be read or contains values that are NaN or infinite; or if the file contains
        only a backbone although the model is a whole network and `part` is not given.
    """
    taking = Taking(**options)
    name = "the state dict" if isinstance(source, Mapping) else os.fspath(source)
    tree = source if isinstance(source, Mapping) else files.read(source)
    shapes = variable_shapes(model, taking.channels)
    found, kind, rules = _open(tree, name=name, taking=taking, shapes=shapes)
    missing, state, skipped = _restrict(
        taking, rules=rules, state=found.state, shapes=shapes
    )
    missing += kind.absent if kind is not None else ()
    state, adapted = adapt_input(
        state, rules=rules, shapes=shapes, channels=taking.channels
    )
    taken = convert(
        state, rules, shapes, allow_missing=missing, allow_unused=taking.allow_unused
    )
    check_finite(taken, name)
    variables, fresh = completed(
        taken, shapes=shapes, model=model, channels=taking.channels
    )
    report = _report(taken, state=state, rules=rules, found=found)
    report = dataclasses.replace(
        report,
        origin=_origin(tree, kind),
        assumed=_assumed(kind, found.state),
        fresh=fresh,
        adapted=adapted,
        unused=report.unused + skipped,
    )
    return Imported(variables, report=report, source=kind, found=found)


def _open(
    tree: Any, name: str, taking: Taking, shapes
) -> tuple[StateDict, Source | None, Rules]:
    """Returns the state dict of a file, its kind and its table for the model."""
    native = _native(tree)
    if native is not None:
        own = tuple((path, path, "identity") for path in flatten(shapes))
        return StateDict(native), None, own
    found = unwrap(tree, name, entry=taking.entry, recognize=part_of)
    kind = None if taking.rules else detect(found.state, name)
    if kind is not None:
        kind.check_names(gather(name, name, found.beside).names, name)
    _check_part(kind, part=taking.part, shapes=shapes, name=name)
    trunk = kind is not None and kind.part == "backbone"
    rules: Rules = (taking.rules or ()) if kind is None else kind.rules
    return found, kind, _rebased(rules, shapes, taking.part if trunk else None)


def is_native(tree: Any) -> bool:
    """Returns whether the content of a file has the parameter names of jaxseg.

    Args:
      tree: The content of the file.
    """
    return _native(tree) is not None


def _native(tree: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """Returns the flat variables of a file of jaxseg, or None for other files."""
    nested = isinstance(tree, Mapping) and isinstance(tree.get("params"), Mapping)
    flat = flatten(tree) if nested else tree
    if not isinstance(flat, Mapping) or not flat:
        return None
    if not all(str(key).startswith(_COLLECTIONS) for key in flat):
        return None
    return {path: np.asarray(value) for path, value in flat.items()}


def _rebased(rules: Rules, shapes, place: str | None) -> Rules:
    """Moves the targets of a table from `backbone/...` to the backbone's place in the
    model.

    The place is `place`, or the top level of a model that is only a backbone.
    """
    if place is None and "backbone" in shapes["params"]:
        return rules
    return for_backbone(rules, place or "")


def for_backbone(rules: Rules, place: str = "") -> Rules:
    """Returns rules in which `place` replaces `backbone` in the paths of variables.

    Args:
      rules: Rules that map PyTorch's tensor names to the paths of variables.
      place: The path of the backbone in the model, or "" if the model is the backbone.
    """
    level = f"/{place}/" if place else "/"
    return tuple(
        (rule[0], rule[1] and rule[1].replace("/backbone/", level, 1), *rule[2:])
        for rule in rules
    )


def _check_part(kind: Source | None, part, shapes, name: str) -> None:
    if part is not None and not any(_inside(part, path) for path in flatten(shapes)):
        parts = ", ".join(sorted(shapes["params"]))
        raise ValueError(
            f"part={part!r} is invalid: expected a part of the model: {parts}."
        )
    if kind is None or kind.part != "backbone" or part is not None:
        return
    if "backbone" in shapes["params"]:
        effect = "import this backbone and initialize the rest at random"
        raise Refused(
            f"{name} contains only the backbone of a segmentation network "
            f"({kind.library} {kind.name}).",
            [Remedy("part", "backbone", effect, flag="component")],
        )


def _inside(part: str, path: str) -> bool:
    return path.partition("/")[2].startswith(part + "/")


def _restrict(taking: Taking, rules, state, shapes):
    """Restricts the import to `part`: other variables are neither read nor missed."""
    part, allow_missing = taking.part, tuple(taking.allow_missing)
    if part is None:
        return allow_missing, dict(state), ()
    outside = {path for path in flatten(shapes) if not _inside(part, path)}
    allow_missing += tuple(sorted({glob.escape(p.partition("/")[2]) for p in outside}))
    kept, skipped = {}, []
    for key, array in state.items():
        target, _ = translate(key, rules)
        if target is not None and not _inside(part, target):
            skipped.append(key)
        else:
            kept[key] = array
    return allow_missing, kept, tuple(skipped)


def _assumed(kind: Source | None, keys: Iterable[str]) -> tuple[str, ...]:
    """Names options that the tensors do not show and that the model determines."""
    if kind is None:
        return ()
    rows = (row.with_tensors(keys) for row in kind.networks)
    unseen = {name: 0 for row in rows for name, _ in row.unseen}
    names = list(unseen) + [name for name, _ in kind.options]
    listed = ", ".join(names)
    text = f"{listed} have the values of the model, as the tensors do not show them"
    return (text,) if names else ()


def _origin(tree: Any, kind: Source | None) -> str:
    if kind is not None:
        return f"{kind.library} {kind.name}"
    return "jaxseg" if _native(tree) is not None else "the rules passed in"


def _report(taken, state, rules, found: StateDict) -> ConversionReport:
    flat: dict[Any, Any] = flatten(taken)
    routes = {key: translate(key, rules) for key in state}
    cast = collections.Counter(
        str(array.dtype)
        for key, array in state.items()
        if (path := routes[key][0]) in flat and array.dtype != flat[path].dtype
    )
    return ConversionReport(
        origin="",
        found=found,
        tensors=len(flat),
        parameters=sum(v.size for p, v in flat.items() if p.startswith("params/")),
        dropped=tuple(
            key
            for key, route in routes.items()
            if route == (None, "drop") and not key.endswith("num_batches_tracked")
        ),
        unused=tuple(
            k for k, r in routes.items() if r[0] not in flat and r != (None, "drop")
        ),
        cast=tuple(sorted(cast.items())),
        unread=unread_names(found.beside),
    )
