"""Finds the tensors of one network (its state dict) in the content of a checkpoint.

Training programs store the weights under a name (`state_dict`, `model`, `net`), add a
prefix to the name of every tensor (`module.`, `_orig_mod.`, `model.`) and store
averaged copies in the same file. `unwrap` removes these names and prefixes and reports
which weights it selected.
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
NOTES = ("mask_values",)  # milesial/Pytorch-UNet stores this among its tensors.
_COUNTERS = ("n_averaged", "steps", "step", "num_updates", "decay", "initted")
_DEEPEST = 8  # The most levels of nested entries.


@dataclasses.dataclass(frozen=True)
class StateDict:
    """Holds the tensors of one network and their location in the file.

    Attributes:
      state: The arrays by name, without wrappers and prefixes.
      beside: All other entries of the file.
      entry: The name under which the tensors are stored, or "" for a bare state dict.
      prefix: The prefix that was removed from every name, such as `module.`.
      skipped: The names of tensors that do not belong to the network, such as those of
        a loss.
      averages: The entries or prefixes of averaged weights that were not used.
      others: The entries or prefixes of other weights that were not used.
      note: The kind of the weights, if the file states it.
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
      tree: The content of the file.
      path: The name of the file, for messages.
      entry: The name of the entry that contains the weights, or the prefix of their
        names. By default, an entry with a usual name is used. If there is none, the
        only entry that contains a network's tensors is used.
      recognize: A function that returns the part ("network" or "backbone") to which a
        set of tensor names belongs, or None. With this function, any prefix is found
        and removed. Without it, only the usual prefixes are removed.

    Raises:
      ValueError: If there is no state dict, if there are several, if the state dict
        contains something other than arrays, or if `entry` does not exist.
    """
    if not isinstance(tree, Mapping):
        raise ValueError(
            f"{path} is invalid: expected a state dict, but it contains a "
            f"{type(tree).__name__}."
        )
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
    """Follows the names of entries down to the tensors."""
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
    """Returns the number of tensors in a dictionary, or in one of its usual entries."""
    if not isinstance(value, Mapping):
        return 0
    named = sum(
        isinstance(key, str) and isinstance(item, np.ndarray)
        for key, item in value.items()
    )
    return max(named, *(_size(value[name]) for name in WRAPPERS if name in value), 0)


def _pick(large: list[str], path: str) -> str:
    """Selects an entry if the user selected none.

    Raises:
      ValueError: If several entries with unusual names contain as many tensors.
    """
    for name in WRAPPERS:
        if name in large:
            return name
    plain = [name for name in large if not is_averaged(str(name))] or large
    if len(plain) > 1:
        listed = ", ".join(repr(name)[:60] for name in plain[:8])
        raise Refused(
            f"{path} contains the weights of {len(plain)} networks: {listed}.",
            [Remedy("entry", str(plain[0]), "select the first of them")],
        )
    return plain[0]


def _unswapped(found: StateDict) -> StateDict:
    """Distinguishes averaged weights from others if a library stores them exchanged.

    MMEngine's EMAHook and Lightning's WeightAveraging save the average as `state_dict`
    and the weights of the last step under another name.
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
    """Raises ValueError if an entry is not a named tensor."""
    wrong = [key for key, value in state.items() if not _is_entry(key, value)]
    if wrong or not state:
        shown = ", ".join(f"{repr(k)[:60]}: {_kind(state[k])}" for k in wrong[:3])
        raise ValueError(
            f"{path} is invalid: expected a state dict, but {len(wrong)} of "
            f"{len(state)} entries are not named tensors ({shown}).\nSave only "
            "model.state_dict(), or store it under a name such as 'state_dict' or "
            "'model'."
        )


def _is_entry(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, np.ndarray)


def _kind(value: Any) -> str:
    return repr(value) if isinstance(value, Unread) else type(value).__name__


def _without_counters(found: StateDict) -> StateDict:
    """Removes the entries that averaging stores among the tensors.

    `AveragedModel` counts in `n_averaged`. MMCV's hook stores a second copy of every
    parameter as `ema_backbone_conv1_weight`.
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
    return ValueError(
        f"entry={entry!r} is invalid: expected an entry of {path}, such as {listed}."
    )
