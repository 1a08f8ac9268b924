"""Lists the networks that `jaxseg bench` times, each with its PyTorch counterpart.

The options of each network are chosen so that jaxseg and the PyTorch library build the
same architecture; the report shows both parameter counts. A network that no PyTorch
library contains is timed without a comparison, but separate rows compare its operators.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from jaxseg.bench import pytorch as bench_torch


@dataclasses.dataclass(frozen=True)
class Entry:
    """Describes one network of jaxseg and its counterpart in a PyTorch library.

    Attributes:
      name: The name in `jaxseg.list_models()`.
      size: The side of the square image on the CPU, in pixels.
      options: The options of the jaxseg network, as pairs (name, value).
      library: The import name of the PyTorch library, or None if no library contains
        the network.
      peer: Builds the PyTorch network from (number of classes, image size). It is
        called only if the library is installed.
      gpu_size: The side of the square image on an accelerator.
      gpu_batch: The batch size of the train step on an accelerator.
    """

    name: str
    size: int = 256
    options: tuple[tuple[str, Any], ...] = ()
    library: str | None = None
    peer: Callable[[int, int], Any] | None = None
    gpu_size: int = 512
    gpu_batch: int = 16

    def ours(self, size: int) -> dict[str, Any]:
        """Returns a dictionary of the options with which the jaxseg network is built.

        They are keyword arguments of `create_model`.

        Args:
          size: The side of the square image in pixels.
        """
        options = dict(self.options)
        if self.name.startswith("setr"):
            options["image_size"] = (size, size)
        return options


def _torchvision(name: str) -> Callable:
    def build(classes, size):
        models = bench_torch.torchvision().models.segmentation
        none = {"weights": None, "weights_backbone": None}
        return getattr(models, name)(**none, num_classes=classes)

    return build


def _smp(name: str, encoder: str, **options: Any) -> Callable:
    def build(classes, size):
        make = getattr(bench_torch.smp(), name)
        return make(encoder, encoder_weights=None, classes=classes, **options)

    return build


def _mmseg(name: str, change: Callable[[dict, int], None] | None = None) -> Callable:
    """Builds a network of `configs/_base_/models` without auxiliary heads.

    Synchronized batch normalization is replaced by ordinary batch normalization.
    """

    def build(classes, size):
        root = pathlib.Path(bench_torch.mmseg().__file__).parent
        from mmengine.config import Config
        from mmengine.registry import init_default_scope
        from mmseg.registry import MODELS

        init_default_scope("mmseg")
        path = root / f".mim/configs/_base_/models/{name}.py"
        config = _plain(Config.fromfile(path).model.to_dict())
        config.pop("data_preprocessor", None)
        config.pop("auxiliary_head", None)
        config["decode_head"]["num_classes"] = classes
        if change is not None:
            change(config, size)
        return _whole(MODELS.build(config))

    return build


def _plain(node: Any) -> Any:
    """Returns the configuration with plain batch norm and without downloads."""
    if isinstance(node, Mapping):
        node = {key: _plain(value) for key, value in node.items()}
        if node.get("type") == "SyncBN":
            node["type"] = "BN"
        return {k: v for k, v in node.items() if k not in ("pretrained", "init_cfg")}
    return [_plain(v) for v in node] if isinstance(node, (list, tuple)) else node


def _whole(network):
    """Wraps a network in a module that returns the logits at the image's size."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, image):
            features = self.network.extract_feat(image)
            return torch.nn.functional.interpolate(
                self.network.decode_head(features),
                image.shape[2:],
                mode="bilinear",
                align_corners=self.network.align_corners,
            )

    return Whole()


def _small_vit(config: dict, size: int) -> None:
    """Puts SETR's decoder on ViT-S, with 12 layers of width 384 and 6 heads."""
    config["backbone"].update(
        img_size=(size, size),
        embed_dims=384,
        num_heads=6,
        num_layers=12,
        out_indices=(4, 7, 9, 11),
        mlp_ratio=4,
    )
    config["decode_head"].update(in_channels=384)


_SMP = {"eager_rate": True, "rates": (12, 24, 36), "align_corners": True}
_PLUS = tuple({**_SMP, "separable": "plain", "after_aspp": True, "fuse": 1}.items())
_MOBILE = (*_PLUS, ("tap", "output"), ("last", 1280))
_TRUNK = (("stem", "c"), ("output_stride", 8), ("align_corners", False))
_TV, _SM, _MM = "torchvision", "segmentation_models_pytorch", "mmseg"

NETWORKS = (
    Entry(
        "deeplabv3_resnet50",
        size=257,
        options=(),
        library=_TV,
        peer=_torchvision("deeplabv3_resnet50"),
    ),
    Entry(
        "deeplabv3plus_resnet50",
        size=256,
        options=_PLUS,
        library=_SM,
        peer=_smp("DeepLabV3Plus", "resnet50"),
    ),
    Entry(
        "deeplabv3plus_xception65",
        size=256,
        options=tuple(option for option in _PLUS if option[0] != "eager_rate"),
        library=_SM,
        peer=_smp("DeepLabV3Plus", "tu-xception65", encoder_output_stride=16),
    ),
    Entry(
        "deeplabv3plus_mobilenetv2",
        size=256,
        options=_MOBILE,
        library=_SM,
        peer=_smp("DeepLabV3Plus", "mobilenet_v2"),
    ),
    Entry(
        "lraspp_mobilenetv3",
        size=257,
        options=(("eager_rate", True),),
        library=_TV,
        peer=_torchvision("lraspp_mobilenet_v3_large"),
    ),
    Entry(
        "pspnet_resnet50",
        size=256,
        options=_TRUNK,
        library=_MM,
        peer=_mmseg("pspnet_r50-d8"),
    ),
    Entry(
        "unet_fcn", size=256, options=(), library=_MM, peer=_mmseg("fcn_unet_s5-d16")
    ),
    Entry(
        "unet_resnet34",
        size=256,
        options=(),
        library=_SM,
        peer=_smp("Unet", "resnet34"),
    ),
    Entry(
        "hrnet_w18",
        size=256,
        options=(("head_bias", False), ("two_step", True)),
        library=_MM,
        peer=_mmseg("fcn_hr18"),
    ),
    Entry(
        "bisenet_resnet18",
        size=256,
        options=(("form", "mmseg"),),
        library=_MM,
        peer=_mmseg("bisenetv1_r18-d32"),
    ),
    Entry(
        "setr_naive_vits16",
        size=256,
        options=(("variant", "mmseg"),),
        library=_MM,
        peer=_mmseg("setr_naive", _small_vit),
    ),
    Entry("unet", 256),
    Entry("fcn8s_vgg16", 224),
    Entry("segnet", 256),
    Entry("fc_densenet56", 224, gpu_size=224),
)
GPU_ONLY = (
    Entry(
        "deeplabv3_resnet101",
        size=257,
        options=(),
        library=_TV,
        peer=_torchvision("deeplabv3_resnet101"),
    ),
    Entry(
        "hrnet_w48",
        size=256,
        options=(("head_bias", False), ("two_step", True)),
        library=_MM,
        peer=None,
    ),
    Entry("fc_densenet103", 224, gpu_size=224),
)
QUICK = ("lraspp_mobilenetv3", "bisenet_resnet18")


def parameters(network) -> int:
    """Counts the parameters of a PyTorch network."""
    return sum(p.numel() for p in network.parameters())
