"""What is known about a checkpoint besides its tensors: names and a config.json."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

_LONGEST = 1_000_000  # bytes of a config.json


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Names and settings that lie beside the tensors of a checkpoint.

    Attributes:
      names: In lower case, what names the network: the file, its folder or its
        repository, and the architecture where a training program stored it.
      config: The `config.json` beside the file, as timm and
        segmentation_models.pytorch write it; empty where there is none.
      beside: What lies beside the state dict in the file.
    """

    names: str = ""
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    beside: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def gather(
    address: str, path: str = "", beside: Mapping[str, Any] | None = None
) -> Evidence:
    """Collects what is known about a checkpoint.

    Args:
      address: Where it comes from, a path or an `hf://` address.
      path: The file on this machine; empty where there is none.
      beside: What lies beside the state dict in the file.
    """
    beside = beside or {}
    config = _config_beside(path)
    stated = (beside.get("arch"), config.get("architecture"))
    words = [*address.replace(os.sep, "/").split("/")[-2:], *stated]
    names = "/".join(word.lower() for word in words if isinstance(word, str))
    return Evidence(names, config, beside)


def _config_beside(path: str) -> dict[str, Any]:
    """The config.json in the folder of a file, where it describes the file's network.

    Folders hold files of this name for many purposes (our own work directories too):
    only those with a key of timm or segmentation_models.pytorch are used.
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
