"""Collects facts about a checkpoint that do not follow from its tensors.

Examples are the name of the file and the configuration that a library stored.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

_LONGEST = 1_000_000  # The most bytes of a config.json.


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Holds facts about a checkpoint that do not follow from its tensors.

    Attributes:
      names: Text in lower case that can contain the name of the network. It consists of
        the names of the file and of its folder or repository, and of the architecture
        that a training program stored.
      config: The `config.json` of timm or segmentation_models.pytorch in the same
        folder. It is empty if there is none.
      beside: The entries of the checkpoint file other than the state dict.
    """

    names: str = ""
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    beside: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def gather(
    address: str, path: str = "", beside: Mapping[str, Any] | None = None
) -> Evidence:
    """Collects facts about a checkpoint that do not follow from its tensors.

    The result is an `Evidence`. It contains the names of the file and its folder, the
    content of a config.json in the same folder, and the entries in `beside`.

    Args:
      address: The source, a path or an `hf://` address.
      path: The file on this machine, or "" if there is none.
      beside: The entries of the checkpoint file other than the state dict.
    """
    beside = beside or {}
    config = _config_beside(path)
    stated = (beside.get("arch"), config.get("architecture"))
    words = [*address.replace(os.sep, "/").split("/")[-2:], *stated]
    names = "/".join(word.lower() for word in words if isinstance(word, str))
    return Evidence(names, config, beside)


def _config_beside(path: str) -> dict[str, Any]:
    """Reads the config.json in the same folder, if it describes the network of the
    file.

    Files of this name serve many purposes (also in work directories of jaxseg), so only
    those with a key of timm or segmentation_models.pytorch are used.
    """
    if not os.path.isfile(path):
        return {}
    file = pathlib.Path(path).with_name("config.json")
    if not file.is_file() or file.stat().st_size > _LONGEST:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}
    known = isinstance(found, dict) and {"_model_class", "architecture"} & {*found}
    return found if known else {}
