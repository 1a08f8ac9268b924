"""Collects the weights of MMSegmentation from the metafiles of the installed package.

The file names end with 8 hexadecimal digits. They are not used as a digest: the script
that names the files, `tools/misc/publish_model.py`, hashes the published file in older
versions and, in version 1.2.2, the file before the optimizer was removed.

The metafiles of all folders are read. Networks that jaxseg does not have are left out
before they are built, because building them takes most of the time.
"""

import functools
import pathlib
from collections.abc import Container, Iterator
from functools import partial
from typing import Any

import yaml

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.catalog.mmseg_peer import build
from jaxseg.weights.published.entry import Entry

# Fields that change neither the names of the tensors nor the options of the network.
_OTHER = (
    *("data_preprocessor", "pretrained", "init_cfg", "loss_decode", "test_cfg"),
    "num_classes",
)
# Folders with at least one network of jaxseg.
FOLDERS = (
    *("bisenetv1", "danet", "deeplabv3", "deeplabv3plus", "dpt", "fastfcn"),
    *("fcn", "hrnet", "nonlocal_net", "ocrnet", "pspnet", "segformer", "sem_fpn"),
    *("setr", "swin", "unet", "upernet"),
)
_HOST = "https://download.openmmlab.com/"
_NO_NETWORK = "jaxseg has no network by name with this backbone and this head"
_REASONS = {"convnext": "MMPretrain, which builds the backbone, is not installed"}


def rows(only: Container[str] | None = None) -> Iterator[Published]:
    """Yields the networks of the folders above.

    Args:
      only: The names of the entries. By default all are yielded.
    """
    root = pathlib.Path(pytorch.mmseg().__file__).parent / ".mim"
    files = metafiles(root)
    licenses = {
        collection["Name"]: collection.get("License", "not stated")
        for content in files.values()
        for collection in content.get("Collections") or ()
    }
    for folder in FOLDERS:
        for model in files[folder]["Models"]:
            name = f"mmseg/{model['Name']}"
            if not model.get("Weights", "").startswith(_HOST):
                continue
            if not (root / model["Config"]).is_file():
                continue
            if only is None or name in only:
                yield _row(root, model, licenses[model["In Collection"]])


def left_out() -> Iterator[tuple[str, str]]:
    """Yields the names of the other published weights, each with the reason."""
    root = pathlib.Path(pytorch.mmseg().__file__).parent / ".mim"
    for folder, content in metafiles(root).items():
        for model in content["Models"]:
            if not model.get("Weights", _HOST).startswith(_HOST):
                yield f"mmseg/{model['Name']}", "the address has a misprint in its host"
            elif model.get("Weights") and not (root / model["Config"]).is_file():
                yield f"mmseg/{model['Name']}", "the configuration file is missing"
            elif model.get("Weights") and folder not in FOLDERS:
                yield f"mmseg/{model['Name']}", _REASONS.get(folder, _NO_NETWORK)


@functools.cache
def metafiles(root: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the content of each folder's metafile in the installed package."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # The former is faster.
    files = sorted((root / "configs").glob("*/metafile.yaml"))
    return {file.parent.name: yaml.load(file.read_text(), loader) for file in files}


def _row(root: pathlib.Path, model: dict[str, Any], license: str) -> Published:
    from mmengine.config import Config

    config = Config.fromfile(root / model["Config"])
    assert config.model.data_preprocessor.bgr_to_rgb  # `Entry` states means of RGB.
    input_of = config.model.data_preprocessor
    classes = _classes(config.train_dataloader.dataset)
    results = model["Results"]
    results = results[0] if isinstance(results, list) else results
    score = results.get("Metrics", {}).get("mIoU")
    heads = config.model.decode_head
    head = heads[-1] if isinstance(heads, list) else heads
    entry = Entry(
        f"mmseg/{model['Name']}",
        library="mmsegmentation",
        url=model["Weights"],
        license=license,
        mean=tuple(round(value / 255, 6) for value in input_of.mean),
        std=tuple(round(value / 255, 6) for value in input_of.std),
        num_classes=head.num_classes,
        classes=classes if len(classes) == head.num_classes else (),
        data=results["Dataset"],
        score=score,
        metric="" if score is None else f"mIoU on {results['Dataset']}, one scale",
        score_source="" if score is None else "MMSegmentation 1.2.2, metafile.yaml",
    )
    name = model["Config"].removeprefix("configs/").removesuffix(".py")
    return Published(
        entry,
        partial(build, name, {}, {}, num_classes=head.num_classes),
        config=config.pretty_text,
        model=repr(_relevant(config.model.to_dict())),
    )


def _relevant(node: Any) -> Any:
    """Returns a configuration without the fields `_OTHER`, at any depth."""
    if isinstance(node, dict):
        return {k: _relevant(v) for k, v in node.items() if k not in _OTHER}
    return [_relevant(v) for v in node] if isinstance(node, list | tuple) else node


def _classes(dataset: Any) -> tuple[str, ...]:
    """Returns the class names of the dataset of a configuration."""
    from mmseg.registry import DATASETS

    inner = dataset
    while "type" not in inner or inner.type in ("RepeatDataset", "ConcatDataset"):
        inner = inner.datasets[0] if "datasets" in inner else inner.dataset
    known = DATASETS.get(inner.type)
    return tuple(known.METAINFO["classes"]) if known else ()
