"""Lists the Mask2Former networks of the library transformers, and builds them."""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.maps import transformers_mask2former
from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork

_HEAD = ("class_predictor.weight", "model.transformer_module.queries_embedder.weight")
_ENCODER = "model.pixel_level_module.encoder"
_SWINS = {  # Size: (channels of the first stage, blocks, heads, side of the windows).
    "t": (96, (2, 2, 6, 2), (3, 6, 12, 24), 7),
    "s": (96, (2, 2, 18, 2), (3, 6, 12, 24), 7),
    "b": (128, (2, 2, 18, 2), (4, 8, 16, 32), 12),
}


def _swin(size: str) -> SourceNetwork:
    width, blocks, heads, window = _SWINS[size]
    return SourceNetwork(
        f"mask2former_swin_{size}",
        (),
        "swin",
        peer=(
            ("embed_dim", width),
            ("depths", list(blocks)),
            ("num_heads", list(heads)),
            ("window_size", window),
        ),
    )


def build(
    backbone: str, fields: Mapping[str, Any], num_classes: int, **options: Any
) -> Any:
    """Builds transformers' Mask2Former with random weights.

    Args:
      backbone: The type of the backbone: "swin" or "resnet".
      fields: Fields of the configuration of the backbone.
      num_classes: Number of classes.
      **options: Fields of `Mask2FormerConfig`.

    Raises:
      ImportError: If transformers is not installed.
    """
    library = importlib.import_module("transformers")
    kind = {"swin": "SwinConfig", "resnet": "ResNetConfig"}[backbone]
    levels = [f"stage{number}" for number in (1, 2, 3, 4)]
    inner = getattr(library, kind)(out_features=levels, **fields)
    labels = {number: str(number) for number in range(num_classes)}
    config = library.Mask2FormerConfig(
        backbone_config=inner, id2label=labels, **options
    )
    return library.Mask2FormerForUniversalSegmentation(config)


def _build_row(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    del options, keys
    fields = {**dict(network.peer), "num_channels": channels}
    return build(network.factory, fields, num_classes)


def pixel_logits(net: Any, image: Any) -> Any:
    """Returns the class logits of each pixel, a torch tensor [B, K, H, W].

    As in `semantic_logits` of jaxseg, the logit of a class is the logarithm of a sum
    over the queries: the probability of the class times that of the mask.

    Args:
      net: A network that `build` returned.
      image: A torch tensor [B, C, H, W].
    """
    torch = importlib.import_module("torch")
    found = net(image)
    masks = torch.nn.functional.interpolate(
        found.masks_queries_logits, image.shape[2:], mode="bilinear"
    )
    odds = found.class_queries_logits.softmax(-1)[..., :-1]
    scores = torch.einsum("bnk,bnhw->bkhw", odds, masks.sigmoid())
    return scores.clamp(min=torch.finfo(scores.dtype).tiny).log()


_PEER = Peer("transformers", _build_row, pixel_logits)

NETWORKS: tuple[Source, ...] = (
    Source(
        "Mask2Former on Swin",
        rules=transformers_mask2former.SWIN,
        library="transformers",
        has=(*_HEAD, f"{_ENCODER}.hidden_states_norms.stage1.weight"),
        networks=tuple(_swin(size) for size in _SWINS),
        peer=_PEER,
    ),
    Source(
        "Mask2Former on ResNet",
        rules=transformers_mask2former.RESNET,
        library="transformers",
        has=(*_HEAD, f"{_ENCODER}.embedder.embedder.convolution.weight"),
        networks=(SourceNetwork("mask2former_resnet50", (), "resnet"),),
        peer=_PEER,
    ),
)
