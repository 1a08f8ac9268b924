"""From what a checkpoint file holds to the state dict of one network.

Training programs put the weights below a name of their own (`state_dict`, `model`,
`net`), add a prefix to every tensor's name (`module.`, `_orig_mod.`, `model.`)
and store averaged copies beside them. `unwrap` undoes this and tells what it chose.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.weights.formats.opaque import Unread
from jaxseg.weights.translate.prefixes import Recognize, is_averaged, peel, prefix_names
from jaxseg.weights.translate.refused import Refused, Remedy

WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model"),
    *("net", "network", "module", "weights"),
)
NOTES = ("mask_values",)  # that milesial/Pytorch-UNet keeps among its tensors
_COUNTERS = ("n_averaged", "steps", "step", "num_updates", "decay", "initted")
_DEEPEST = 8  # entries below entries


@dataclasses.dataclass(frozen=True)
class StateDict:
    """The tensors of one network, and how they lay in the file.

    Attributes:
      state: Arrays by name, without wrappers and prefixes.
      beside: Everything else that the file's dictionary holds.
      entry: The name below which the tensors lay; empty for a bare state dict.
      prefix: What was taken off every name, such as `module.`.
      skipped: Names of tensors that do not belong to the network (of a loss, say).
      averages: Entries or prefixes with averaged weights that were not taken.
      others: Entries or prefixes with further weights that were not taken.
      note: What kind of weights were taken, where the file tells.
    """

    state: dict[str, np.ndarray]
    beside: dict[str, Any] = dataclasses.field(default_factory=dict)
    entry: str = ""
    prefix: str = ""
    skipped: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    note: str = ""


def unwrap(
    tree: Any, path: str, *, entry: str = "", recognize: Recognize | None = None
) -> StateDict:
    """Finds the state dict of one network in the content of a checkpoint file.

    Args:
      tree: What the file holds.
      path: The file's name, for messages.
      entry: Take the weights below this name, or those with this prefix; default:
        one of the usual names, or the only entry that holds as many tensors.
      recognize: Tells which part ("network" or "backbone") a set of tensor names
        belongs to, None for unknown names. With it every prefix is found, without
        it only the usual ones.

    Raises:
      ValueError: There is no state dict, it holds something else than arrays, there
        are several to choose from, or `entry` is not there.
    """
    if not isinstance(tree, Mapping):
        raise ValueError(f"{path} holds a {type(tree).__name__}, not a state dict")
    found = _unswapped(_enter(StateDict(dict(tree)), path, entry))
    found = _without_notes(found)
    _check(found.state, path)
    found = _without_counters(found)
    wanted = entry if entry != found.entry else ""
    if wanted and not any(key.startswith(f"{wanted}.") for key in found.state):
        raise _no_entry(found, path, wanted)
    peeled = peel(found.state, path, wanted=wanted, recognize=recognize)
    return dataclasses.replace(
        found,
        state=peeled.state,
        prefix=peeled.prefix,
        skipped=found.skipped + peeled.skipped,
        averages=found.averages + peeled.averages,
    )


def _enter(found: StateDict, path: str, entry: str) -> StateDict:
    """Follows the names of entries down to tensors."""
    for _ in range(_DEEPEST):
        sizes = {name: _size(value) for name, value in found.state.items()}
        largest = max(sizes.values(), default=0)
        direct = sum(isinstance(value, np.ndarray) for value in found.state.values())
        if not largest or direct >= largest:
            break
        large = [name for name, size in sizes.items() if 2 * size >= largest]
        name = entry if sizes.get(entry) else _pick(large, path)
        rest = tuple(str(other) for other in large if other != name)
        found = dataclasses.replace(
            found,
            state=dict(found.state[name]),
            beside=found.beside | {k: v for k, v in found.state.items() if k != name},
            entry=name,
            averages=tuple(filter(is_averaged, rest)),
            others=tuple(other for other in rest if not is_averaged(other)),
            note="averaged weights" if is_averaged(name) else "",
        )
    return found


def _size(value: Any) -> int:
    """How many tensors a dictionary holds, itself or below a usual name."""
    if not isinstance(value, Mapping):
        return 0
    named = sum(
        isinstance(key, str) and isinstance(item, np.ndarray)
        for key, item in value.items()
    )
    return max(named, *(_size(value[name]) for name in WRAPPERS if name in value), 0)


def _pick(large: list[str], path: str) -> str:
    """The entry that is taken when none was asked for.

    Raises:
      ValueError: Several entries hold as many tensors, under unusual names.
    """
    for name in WRAPPERS:
        if name in large:
            return name
    plain = [name for name in large if not is_averaged(str(name))] or large
    if len(plain) > 1:
        listed = ", ".join(repr(name)[:60] for name in plain[:8])
        raise Refused(
            f"{path} holds the weights of {len(plain)} networks: {listed}",
            [Remedy("entry", str(plain[0]), "takes the first of them")],
        )
    return plain[0]


def _unswapped(found: StateDict) -> StateDict:
    """Tells averaged weights from others where a library stores them exchanged.

    MMEngine's EMAHook and Lightning's WeightAveraging save the average as
    `state_dict` and the weights of the last step under a name of their own.
    """
    meta = found.beside.get("meta")
    last = ""
    if isinstance(meta, Mapping) and "mmengine_version" in meta:
        last = "ema_state_dict"
    elif "averaging_state" in found.beside or found.entry == "current_model_state":
        last = "current_model_state"
    if last and found.entry == last:
        averages, others = ("state_dict",), ()
        note = "weights of the last step"
    elif last and found.entry == "state_dict" and last in found.beside:
        averages, others, note = (), (last,), "averaged weights"
    else:
        return found
    return dataclasses.replace(found, averages=averages, others=others, note=note)


def _without_notes(found: StateDict) -> StateDict:
    notes = {key: found.state[key] for key in NOTES if key in found.state}
    state = {key: value for key, value in found.state.items() if key not in notes}
    return dataclasses.replace(found, state=state, beside=found.beside | notes)


def _check(state: Mapping[Any, Any], path: str) -> None:
    """Raises where an entry is no named tensor."""
    wrong = [key for key, value in state.items() if not _is_entry(key, value)]
    if wrong or not state:
        shown = ", ".join(f"{repr(k)[:60]}: {_kind(state[k])}" for k in wrong[:3])
        raise ValueError(
            f"{path} holds no state dict: {len(wrong)} of {len(state)} entries are not "
            f"named tensors ({shown})\nsave model.state_dict() alone, or below a name "
            "such as 'state_dict' or 'model'"
        )


def _is_entry(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, np.ndarray)


def _kind(value: Any) -> str:
    return repr(value) if isinstance(value, Unread) else type(value).__name__


def _without_counters(found: StateDict) -> StateDict:
    """Leaves out what averaging keeps among the tensors.

    `AveragedModel` counts in `n_averaged`; MMCV's hook stores a second copy of
    every parameter as `ema_backbone_conv1_weight`.
    """
    gone = tuple(
        key
        for key, value in found.state.items()
        if "." not in key
        and ((key in _COUNTERS and value.size == 1) or key.startswith("ema_"))
    )
    state = {key: value for key, value in found.state.items() if key not in gone}
    if not gone or not state:
        return found
    note = found.note or ("averaged weights" if "n_averaged" in gone else "")
    copies = tuple(key for key in gone if key not in _COUNTERS)
    return dataclasses.replace(
        found, state=state, skipped=found.skipped + copies, note=note
    )


def _no_entry(found: StateDict, path: str, entry: str) -> ValueError:
    names = [found.entry, *found.averages, *found.others, *prefix_names(found.state)]
    listed = ", ".join(repr(name[:60]) for name in list(filter(None, names))[:8])
    return ValueError(f"entry={entry!r} is not in {path}: expected one of {listed}")
