"""BiSeNet v1: a spatial and a context path side by side (arXiv 1808.00897).

The authors' code decides where the paper is silent; two well-known ports are options.
Published parameter counts in "M" are MiB of float32.

Differs: scores are resized to the image; the authors' code enlarges them by 8 and 16,
which is the same where sides are multiples of 16.
"""

from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.xception39 import Xception39
from jaxseg.heads.classifier import PixelHead
from jaxseg.nn.bilateral import ContextPath, FeatureFusion, SpatialPath
from jaxseg.nn.block_config import Style
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs

FORMS = ("author", "coin", "mmseg")


class BiSeNet(nn.Module):
    """Both paths, fused; auxiliary heads on the two maps of the context path."""

    backbone: nn.Module
    head: PixelHead
    aux_c4: PixelHead
    aux_c3: PixelHead
    features: int = 128
    form: str = "author"
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """image -> {"logits", "aux_c3", "aux_c4"} [B, H, W, K] float32."""
        author = self.form == "author"
        pyramid = self.backbone(image, train=train)
        spatial = SpatialPath(self.features, self.style, name="spatial")
        context = ContextPath(
            self.features,
            "bilinear" if author else "nearest",
            self.style,
            name="context",
        )
        coarse, fine = context(pyramid, train=train)
        fusion = FeatureFusion(2 * self.features, self.form, self.style, name="fusion")
        x = fusion(spatial(image, train=train), fine, train=train)
        logits = {
            "logits": self.head(x, train=train),
            "aux_c3": self.aux_c3(fine, train=train),
            "aux_c4": self.aux_c4(coarse, train=train),
        }
        size = image.shape[1:3]
        return {k: resize(x, size, align_corners=author) for k, x in logits.items()}


def bisenet(
    num_classes: int,
    *,
    backbone: str = "resnet18",
    form: str = "author",
    features: int = 128,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: Style = Style(),
) -> BiSeNet:
    """BiSeNet v1 (arXiv 1808.00897); its recipe weights the auxiliary losses by 1.

    Args:
      num_classes: K.
      backbone: "resnet18", "resnet101" or "xception39".
      form: "author", "coin" (CoinCheung's port: nearest upsampling inside, half-pixel
        at the end, normed fusion gate), or "mmseg" (the same with a ReLU in the gate).
      features: channels of both paths; the fusion has twice as many.
      width: of the ResNet's first stage; Xception-39 scales alike.
      blocks: per stage of the trunk, when they differ from its own.
      style: normalization, number format.
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r} is unknown; allowed are {FORMS}")
    light = backbone == "xception39"
    aux = features // 2
    if form == "author":
        aux = features if light else 2 * features
    main = 2 * features
    if form == "author" and backbone != "resnet101":
        main = features // 2

    def head(width):
        return PixelHead(num_classes, width, dropout=0.0, style=style)

    trunk = _trunk(backbone, width, blocks, style)
    return BiSeNet(trunk, head(main), head(aux), head(aux), features, form, style)


def _trunk(name, width, blocks, style):
    if name == "xception39":
        mid = tuple(max(width * part // 64, 1) for part in (16, 32, 64))
        blocks = blocks or (4, 8, 4)
        return Xception39(max(width // 8, 1), mid, blocks, style)
    depths = {"resnet18": 18, "resnet101": 101}
    if name not in depths:
        raise ValueError(
            f"backbone {name!r} is unknown; allowed are xception39, {list(depths)}"
        )
    stem = "beta" if name == "resnet101" else "7x7"
    return ResNet(depths[name], stem=stem, width=width, blocks=blocks, style=style)
