"""SETR: a vision transformer as encoder and three decoders (arXiv 2012.15840).

Parameter counts and connections follow the authors' code without its unused layers.
With the naive and the progressive decoder, the auxiliary heads read intermediate layers
of the transformer. With the multi-level decoder, they read the four maps that the
decoder adds. In training, each auxiliary loss has the weight 0.4.
"""

from flax import linen as nn

from jaxseg.backbones.vit import ViT
from jaxseg.heads.classifier import Classifier
from jaxseg.heads.setr import MultiLevelHead, MultiLevelNeck, UpsamplingHead
from jaxseg.models.compose import EncoderDecoder, to_image
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import one_of
from jaxseg.typing import Array, Outputs, Size

# (depth, width, heads, taps of MLA, auxiliary taps of naive, auxiliary taps of PUP).
TRUNKS = {
    "vitl16": (24, 1024, 16, (5, 11, 17, 23), (9, 14, 19), (9, 14, 19, 23)),
    "vitb16": (12, 768, 12, (2, 5, 8, 11), (2, 5, 8), (4, 7, 9, 11)),
    "vits16": (12, 384, 6, (2, 5, 8, 11), (2, 5, 8), (4, 7, 9, 11)),
    "vitti16": (12, 192, 3, (2, 5, 8, 11), (2, 5, 8), (4, 7, 9, 11)),
}
# (decoder, variant): (kernel size, factors of the main head, of the auxiliary heads).
FACTORS = {
    ("naive", "author"): (1, (1,), (1,)),
    ("naive", "mmseg"): (1, (4,), (4,)),
    ("pup", "author"): (3, (2, 2, 2, 1), (4,)),
    ("pup", "mmseg"): (3, (2, 2, 2, 2), (4,)),
}


class SETR(nn.Module):
    """Applies a backbone, an optional neck, a head and auxiliary heads to an image."""

    backbone: nn.Module
    head: nn.Module
    aux_heads: tuple[nn.Module, ...] = ()
    neck: nn.Module | None = None

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Maps [B, H, W, C] to "logits", "aux_1", ..., each [B, H, W, K], float32."""
        features = self.backbone(image, train=train)
        if self.neck is not None:
            features = self.neck(features, train=train)
        logits = self.head(features, train=train)
        outputs = {"logits": to_image(logits, image, self.backbone)}
        for index, head in enumerate(self.aux_heads):
            logits = head(features, train=train)
            outputs[f"aux_{index + 1}"] = to_image(logits, image, self.backbone)
        return outputs


class LevelClassifier(nn.Module):
    """Classifies the pixels of one map of the multi-level neck by a 1x1 convolution."""

    num_classes: int
    level: str
    bias: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, levels, *, train: bool) -> Array:
        """Returns logits [B, h, w, num_classes], float32."""
        layer = Classifier(
            self.num_classes, bias=self.bias, style=self.style, name="classifier"
        )
        return layer(levels[self.level], train=train)


def setr_naive(num_classes: int, *, variant: str = "author", **trunk) -> SETR:
    """Creates SETR-Naive: two 1x1 convolutions, then 16x upsampling (arXiv 2012.15840).

    Args:
      num_classes: Number of classes.
      variant: "author", or "mmseg" for MMSegmentation's decoder and patch embedding.
      **trunk: Options of `vit_trunk`, and `features` of the decoder.
    """
    return _upsampling("naive", num_classes, variant, **trunk)


def setr_pup(num_classes: int, *, variant: str = "author", **trunk) -> SETR:
    """Creates SETR-PUP, which upsamples by 2 after each convolution (arXiv 2012.15840).

    The options are the same as those of `setr_naive`.
    """
    return _upsampling("pup", num_classes, variant, **trunk)


def _upsampling(decoder, num_classes, variant, features=256, **trunk):
    mmseg = _is_mmseg(variant)
    kernel, main, side = FACTORS[decoder, variant]
    trunk.setdefault("patch_bias", not mmseg)
    backbone, aux_taps = vit_trunk(decoder, **trunk)

    def head(tap, factors):
        return UpsamplingHead(
            num_classes,
            tap=f"layer{tap}",
            kernel=kernel,
            features=features,
            factors=factors,
            bias=not mmseg,
            style=backbone.style,
        )

    aux = tuple(head(tap, side) for tap in aux_taps[: 3 if mmseg else None])
    return SETR(backbone, head(backbone.depth - 1, main), aux)


def setr_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    decoder: str = "pup",
    variant: str = "author",
    features: int = 256,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts an upsampling decoder of SETR on a backbone with c5 (arXiv 2012.15840).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      decoder: "naive" or "pup".
      variant: "author", or "mmseg" for MMSegmentation's decoder.
      features: Number of channels of the convolutions.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If decoder or variant is unknown.
    """
    if decoder not in ("naive", "pup"):
        raise ValueError(f"decoder={decoder!r} is invalid: expected 'naive' or 'pup'.")
    mmseg = _is_mmseg(variant)
    kernel, factors, _ = FACTORS[decoder, variant]
    head = UpsamplingHead(
        num_classes,
        tap="c5",
        kernel=kernel,
        features=features,
        factors=factors,
        bias=not mmseg,
        style=style,
    )
    return EncoderDecoder(backbone, head)


def setr_mla(
    num_classes: int,
    *,
    variant: str = "author",
    features: int = 256,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> SETR:
    """Creates SETR-MLA, which sums the outputs of four layers (arXiv 2012.15840).

    The class token is dropped before the first layer. The options are the same as those
    of `setr_naive`.
    """
    trunk.setdefault("patch_bias", not _is_mmseg(variant))
    backbone, _ = vit_trunk("mla", style=style, **trunk)
    levels = tuple(f"layer{tap}" for tap in backbone.taps)
    return setr_mla_on(
        num_classes,
        backbone,
        levels=levels,
        variant=variant,
        features=features,
        style=style,
    )


def setr_mla_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    levels: tuple[str, ...] = ("c2", "c3", "c4", "c5"),
    variant: str = "author",
    features: int = 256,
    style: BlockConfig = BlockConfig(),
) -> SETR:
    """Puts the multi-level decoder on a backbone with four maps of equal sizes.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      levels: The names of the maps, from the first to the last layer.
      variant: "author", or "mmseg" for MMSegmentation's decoder.
      features: Number of channels of the neck. The head has half as many.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    mmseg = _is_mmseg(variant)
    head = MultiLevelHead(
        num_classes,
        features // 2,
        kernel=1 if mmseg else 3,
        align_corners=not mmseg,
        style=style,
    )
    aux = tuple(
        LevelClassifier(num_classes, f"level{i}", bias=mmseg, style=style)
        for i in range(4)
    )
    return SETR(
        backbone,
        head=head,
        aux_heads=aux,
        neck=MultiLevelNeck(levels, features, style=style),
    )


def vit_trunk(
    decoder: str,
    *,
    trunk: str = "vitl16",
    image_size: Size = (768, 768),
    depth: int | None = None,
    width: int | None = None,
    heads: int | None = None,
    dropout: float = 0.0,
    patch_bias: bool = True,
    attention: str = "auto",
    distilled: bool = False,
    drop_path: float = 0.0,
    style: BlockConfig = BlockConfig(),
) -> tuple[ViT, tuple[int, ...]]:
    """Creates the transformer encoder that a decoder of SETR needs.

    Args:
      decoder: "naive", "pup" or "mla". It determines which layers are read and whether
        the class token is kept.
      trunk: The encoder: "vitl16", "vitb16", "vits16" or "vitti16".
      image_size: Image size for which the position embedding is made. For images of
        other sizes, it is resized.
      depth: Number of layers. None takes that of `trunk`. With another number, the
        indices of the layers that are read are scaled in proportion to it.
      width: Number of channels of a token; None takes that of `trunk`.
      heads: Number of attention heads; None takes that of `trunk`.
      dropout: Dropout rate after the embedding and in the layers.
      patch_bias: Whether the patch embedding has a bias.
      attention: "auto", "plain" or "block", see `jaxseg.ops.attention.attend`.
      distilled: Whether a second token follows the class token, as in distilled DeiT.
      drop_path: Rate of stochastic depth of the last layer.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Returns:
      The encoder, and a tuple of the indices of layers that auxiliary heads read.

    Raises:
      ValueError: If the trunk is unknown.
    """
    if trunk not in TRUNKS:
        raise ValueError(f"trunk={trunk!r} is invalid{one_of(trunk, sorted(TRUNKS))}")
    full, full_width, full_heads, *_ = TRUNKS[trunk]
    depth = depth or full
    taps, aux = _layers(decoder, trunk, depth)
    backbone = ViT(
        depth,
        width or full_width,
        heads or full_heads,
        image_size=image_size,
        taps=tuple(sorted({*taps, *aux})),
        drop_class_token=decoder == "mla",
        dropout=dropout,
        patch_bias=patch_bias,
        attention=attention,
        style=style,
        distilled=distilled,
        drop_path=drop_path,
    )
    return backbone, aux


def _layers(decoder, trunk, depth):
    """Returns the layers that the decoder reads, and those of its auxiliary heads."""
    full, _, _, mla, naive, pup = TRUNKS[trunk]
    side = {"naive": naive, "pup": pup, "mla": ()}
    taps, aux = (mla if decoder == "mla" else (full - 1,)), side[decoder]

    def scaled(layers):
        return tuple(-(-(layer + 1) * depth // full) - 1 for layer in layers)

    return scaled(taps), scaled(aux)


def _is_mmseg(variant):
    if variant not in ("author", "mmseg"):
        raise ValueError(
            f"variant={variant!r} is invalid: expected 'author' or 'mmseg'."
        )
    return variant == "mmseg"
