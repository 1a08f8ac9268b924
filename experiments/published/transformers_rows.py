"""Collects checkpoints on the Hugging Face hub that transformers reads.

transformers contains no list of checkpoints. The names of the repositories, the
configurations and the names of the tensors are those of the scripts in the repository
of transformers that converted the authors' files (`convert_segformer_original_to_
pytorch.py`, `convert_swin_upernet_to_pytorch.py`, `convert_convnext_upernet_to_
pytorch.py`, `convert_dpt_to_pytorch.py`). The means are the defaults of the image
processors of transformers. The licenses are those that the hub displays. The cards do
not state a score that was measured with the file.
"""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.published.entry import Entry

_MIT = {  # Size: (channels, blocks, channels of the decoder).
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2), 256),
    "b1": ((64, 128, 320, 512), (2, 2, 2, 2), 256),
    "b2": ((64, 128, 320, 512), (3, 4, 6, 3), 768),
    "b3": ((64, 128, 320, 512), (3, 4, 18, 3), 768),
    "b4": ((64, 128, 320, 512), (3, 8, 27, 3), 768),
    "b5": ((64, 128, 320, 512), (3, 6, 40, 3), 768),
}
_CITYSCAPES = {  # Size: sizes of the images.
    "b0": ("512-1024", "640-1280", "768-768", "1024-1024"),
    **dict.fromkeys(("b1", "b2", "b3", "b4", "b5"), ("1024-1024",)),
}
_SWIN = {  # Size: (channels, blocks, heads, window, channels that the aux head reads).
    "tiny": (96, (2, 2, 6, 2), (3, 6, 12, 24), 7, 384),
    "small": (96, (2, 2, 18, 2), (3, 6, 12, 24), 7, 384),
    "base": (128, (2, 2, 18, 2), (4, 8, 16, 32), 12, 512),
    "large": (192, (2, 2, 18, 2), (6, 12, 24, 48), 12, 768),
}
_CONVNEXT = {  # Size: (channels of the first stage, blocks of the third stage).
    "tiny": (96, 9),
    "small": (96, 27),
    "base": (128, 27),
    "large": (192, 27),
    "xlarge": (256, 27),
}
_DINOV2 = {"small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16)}
_CONVERTED = "; the license of the files they were converted from also applies"
_NVIDIA = "other (NVIDIA Source Code License for SegFormer: not for commercial use)"
_STAGES = [f"stage{stage}" for stage in (1, 2, 3, 4)]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Describes a repository of the hub and the network of transformers that reads it.

    Attributes:
      name: The name of the repository.
      network: The name of the class in transformers.
      config: A function that takes the module and returns the configuration.
      file: The name of the file.
      license: The license that the hub displays.
      data: The name of the dataset.
      more: Further fields of the entry, such as `backbone`.
    """

    name: str
    network: str
    config: Any
    file: str
    license: str
    data: str
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def rows() -> Iterator[Published]:
    """Yields all checkpoints that are listed here."""
    pytorch.mmseg()  # It states the classes.
    transformers = importlib.import_module("transformers")
    for found in (*_segformers(), *_upernets(), *_dinov2(), _dpt()):
        labels = _classes(found.data)
        fields = {"num_classes": len(labels), "classes": labels, **found.more}
        entry = Entry(
            found.name,
            library="transformers",
            url=f"hf://{found.name}@main/{found.file}",
            license=found.license,
            data=found.data,
            **fields,
        )
        build = partial(_build, transformers, found, len(labels))
        model = found.name.partition("-finetuned")[0]  # The size, without the dataset.
        yield Published(entry, build, state=_saved, model=model)


def _build(transformers: Any, found: Checkpoint, num_classes: int) -> Any:
    config = found.config(transformers)
    if num_classes:
        config.num_labels = num_classes
    return getattr(transformers, found.network)(config)


def _saved(net: Any) -> Mapping[str, Any]:
    """Returns the state dict with the names that transformers writes to files."""
    from transformers.core_model_loading import revert_weight_conversion

    return revert_weight_conversion(net, net.state_dict())


def _classes(data: str) -> tuple[str, ...]:
    """Returns the classes of a dataset, in the order of MMSegmentation."""
    from mmseg.registry import DATASETS

    names = {"ADE20K": "ADE20KDataset", "Cityscapes": "CityscapesDataset"}
    return tuple(DATASETS.get(names[data]).METAINFO["classes"]) if data in names else ()


def _segformers() -> Iterator[Checkpoint]:
    for size, (channels, blocks, decoder) in _MIT.items():
        fields = {"hidden_sizes": list(channels), "depths": list(blocks)}
        make = partial(_segformer, fields | {"decoder_hidden_size": decoder})
        yield Checkpoint(
            f"nvidia/mit-{size}",
            "SegformerForImageClassification",
            partial(_segformer, fields | {"num_labels": 1000}),
            file="pytorch_model.bin",
            license=_NVIDIA,
            data="ImageNet-1K",
            more={"backbone": f"mit_{size}", "num_classes": 1000},
        )
        shape = "640-640" if size == "b5" else "512-512"
        names = [("ADE20K", f"ade-{shape}")]
        names += [("Cityscapes", f"cityscapes-{side}") for side in _CITYSCAPES[size]]
        for data, name in names:
            yield Checkpoint(
                f"nvidia/segformer-{size}-finetuned-{name}",
                "SegformerForSemanticSegmentation",
                make,
                file="pytorch_model.bin",
                license=_NVIDIA,
                data=data,
            )


def _segformer(fields: Mapping[str, Any], transformers: Any) -> Any:
    return transformers.SegformerConfig(**fields)


def _upernets() -> Iterator[Checkpoint]:
    for size in _SWIN:
        yield _upernet(f"swin-{size}", partial(_swin_config, size))
    for size in _CONVNEXT:
        yield _upernet(f"convnext-{size}", partial(_convnext_config, size))


def _upernet(name: str, make: Any) -> Checkpoint:
    return Checkpoint(
        f"openmmlab/upernet-{name}",
        "UperNetForSemanticSegmentation",
        make,
        file="pytorch_model.bin",
        license=f"mit{_CONVERTED} (MMSegmentation, Apache-2.0)",
        data="ADE20K",
    )


def _swin_config(size: str, transformers: Any) -> Any:
    width, blocks, heads, window, aux = _SWIN[size]
    trunk = transformers.SwinConfig(
        embed_dim=width,
        depths=blocks,
        num_heads=heads,
        window_size=window,
        out_features=_STAGES,
    )
    return transformers.UperNetConfig(backbone_config=trunk, auxiliary_in_channels=aux)


def _convnext_config(size: str, transformers: Any) -> Any:
    width, third = _CONVNEXT[size]
    trunk = transformers.ConvNextConfig(
        hidden_sizes=[width << stage for stage in range(4)],
        depths=[3, 3, third, 3],
        out_features=_STAGES,
    )
    return transformers.UperNetConfig(
        backbone_config=trunk, auxiliary_in_channels=4 * width
    )


def _dinov2() -> Iterator[Checkpoint]:
    for suffix, kind in (("", "Dinov2"), ("-with-registers", "Dinov2WithRegisters")):
        for size in _DINOV2:
            short = f"dinov2_vit{size[0]}14{'_reg' if suffix else ''}"
            yield Checkpoint(
                f"facebook/dinov2{suffix}-{size}",
                f"{kind}Model",
                partial(_dinov2_config, f"{kind}Config", size),
                file="model.safetensors",
                license="apache-2.0",
                data="LVD-142M, without labels",
                more={
                    "backbone": short,
                    "options": {} if suffix else {"resizing": "bicubic"},
                },
            )


def _dinov2_config(kind: str, size: str, transformers: Any) -> Any:
    width, depth, heads = _DINOV2[size]
    return getattr(transformers, kind)(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=518,
        patch_size=14,
    )


def _dpt() -> Checkpoint:
    return Checkpoint(
        "Intel/dpt-large-ade",
        "DPTForSemanticSegmentation",
        _dpt_config,
        file="pytorch_model.bin",
        license="apache-2.0",
        data="ADE20K",
        more={"mean": (0.5,) * 3, "std": (0.5,) * 3},
    )


def _dpt_config(transformers: Any) -> Any:
    return transformers.DPTConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        backbone_out_indices=[5, 11, 17, 23],
        neck_hidden_sizes=[256, 512, 1024, 1024],
        use_batch_norm_in_fusion_residual=True,
    )
