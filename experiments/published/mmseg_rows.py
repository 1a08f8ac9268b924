"""Collects the weights of MMSegmentation from the metafiles of the installed package.

The file names end with 8 hexadecimal digits. They are not used as a digest: the script
that names the files, `tools/misc/publish_model.py`, hashes the published file in older
versions and, in version 1.2.2, the file before the optimizer was removed.
"""

import pathlib
from collections.abc import Container, Iterator
from functools import partial
from typing import Any

import yaml

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.catalog.mmseg_peer import build
from jaxseg.weights.published.entry import Entry

_OTHER = ("data_preprocessor", "pretrained")  # They do not change the tensors.
FOLDERS = (
    *("segformer", "bisenetv1", "unet", "fcn", "pspnet", "deeplabv3plus", "hrnet"),
    *("ocrnet", "setr", "danet", "nonlocal_net", "deeplabv3", "fastfcn"),
)


def rows(only: Container[str] | None = None) -> Iterator[Published]:
    """Yields the networks of the folders above.

    Args:
      only: The names of the entries. By default all are yielded.
    """
    library = pytorch.mmseg()
    root = pathlib.Path(library.__file__).parent / ".mim"
    for folder in FOLDERS:
        text = (root / "configs" / folder / "metafile.yaml").read_text()
        content = yaml.safe_load(text)
        (first, *_) = content.get("Collections") or [{}]
        license = first.get("License", "not stated")
        for model in content["Models"]:
            name = f"mmseg/{model['Name']}"
            if not model.get("Weights") or not (root / model["Config"]).is_file():
                continue
            if only is None or name in only:
                yield _row(root, model, license)


def _row(root: pathlib.Path, model: dict[str, Any], license: str) -> Published:
    from mmengine.config import Config

    config = Config.fromfile(root / model["Config"])
    input_of = config.model.data_preprocessor
    classes = _classes(config.train_dataloader.dataset)
    results = model["Results"]
    results = results[0] if isinstance(results, list) else results
    score = results.get("Metrics", {}).get("mIoU")
    heads = config.model.decode_head
    head = heads[-1] if isinstance(heads, list) else heads
    if not input_of.bgr_to_rgb:
        raise ValueError(f"{model['Name']} takes BGR images")
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
        model=repr({k: v for k, v in config.model.items() if k not in _OTHER}),
    )


def _classes(dataset: Any) -> tuple[str, ...]:
    """Returns the class names of the dataset of a configuration."""
    from mmseg.registry import DATASETS

    inner = dataset
    while "type" not in inner or inner.type in ("RepeatDataset", "ConcatDataset"):
        inner = inner.datasets[0] if "datasets" in inner else inner.dataset
    known = DATASETS.get(inner.type)
    return tuple(known.METAINFO["classes"]) if known else ()
