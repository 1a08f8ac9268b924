"""BiSeNet v1: a spatial path and a context path in parallel (arXiv 1808.00897).

Where the paper leaves details open, the network follows the authors' code. The option
`form` can select two well-known ports instead. The paper states sizes of networks in
"M". They are not numbers of parameters, but the memory of the float32 parameters in
MiB.

Differs: the logits are resized to the image. The authors' code enlarges them by the
factors 8 and 16. Both give equal logits if height and width are multiples of 16.
"""

from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.resnet_variant import BETA, TORCHVISION
from jaxseg.backbones.xception39 import Xception39
from jaxseg.heads.classifier import PixelHead
from jaxseg.nn.bilateral import ContextPath, FeatureFusion, SpatialPath
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.text import one_of
from jaxseg.typing import Array, Outputs

FORMS = ("author", "coin", "mmseg")


class BiSeNet(nn.Module):
    """Fuses the maps of a spatial and a context path and classifies the result.

    Two auxiliary heads read the two maps of the context path.
    """

    backbone: nn.Module
    head: PixelHead
    aux_c4: PixelHead
    aux_c3: PixelHead
    features: int = 128
    form: str = "author"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Returns "logits", "aux_c3" and "aux_c4", each [B, H, W, K], float32."""
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
        detail = spatial(image, train=train)
        # The sizes differ where c3 is not at stride 8 or rounds down.
        near = resize(fine, detail.shape[1:3], align_corners=author)
        x = fusion(detail, near, train=train)
        logits = {
            "logits": self.head(x, train=train),
            "aux_c3": self.aux_c3(fine, train=train),
            "aux_c4": self.aux_c4(coarse, train=train),
        }
        size = image.shape[1:3]
        return {k: resize(x, size, align_corners=author) for k, x in logits.items()}


def bisenet_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    form: str = "author",
    features: int = 128,
    main: int | None = None,
    aux: int | None = None,
    style: BlockConfig = BlockConfig(),
) -> BiSeNet:
    """Puts BiSeNet v1 on a backbone with c3, c4 and c5 (arXiv 1808.00897).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      form: The code that the network follows: "author", "coin" or "mmseg", see
        `bisenet`.
      features: Number of channels of both paths; the fusion has 2 * features channels.
      main: Number of channels of the main head; None takes 2 * features.
      aux: Number of channels of the auxiliary heads. None takes 2 * features for
        `form="author"`, and features / 2 otherwise.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If the form is unknown.
    """
    if form not in FORMS:
        raise ValueError(f"form={form!r} is invalid{one_of(form, FORMS)}")
    main = main or 2 * features
    aux = aux or (2 * features if form == "author" else features // 2)

    def head(width):
        return PixelHead(num_classes, width, dropout=0.0, style=style)

    return BiSeNet(
        backbone,
        head=head(main),
        aux_c4=head(aux),
        aux_c3=head(aux),
        features=features,
        form=form,
        style=style,
    )


def bisenet(
    num_classes: int,
    *,
    backbone: str = "resnet18",
    form: str = "author",
    features: int = 128,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
) -> BiSeNet:
    """Creates BiSeNet v1 (arXiv 1808.00897).

    The authors weight the auxiliary losses by 1.

    Args:
      num_classes: Number of classes.
      backbone: "resnet18", "resnet101" or "xception39".
      form: The code that the network follows. "author" is the authors' code. "coin" is
        CoinCheung's port, with nearest upsampling inside the network, half-pixel
        centers in the final resizing and a normalized fusion gate. "mmseg" is
        MMSegmentation, which is like "coin" but has a ReLU in the gate.
      features: Number of channels of both paths; the fusion has twice as many.
      width: Number of channels of the first stage of the ResNet. The channels of
        Xception-39 are scaled by the same factor.
      blocks: Number of blocks of each stage of the backbone; None takes its default.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If form or backbone is unknown.
    """
    author, light = form == "author", backbone == "xception39"
    return bisenet_on(
        num_classes,
        _trunk(backbone, width=width, blocks=blocks, style=style),
        form=form,
        features=features,
        main=features // 2 if author and backbone != "resnet101" else None,
        aux=features if author and light else None,
        style=style,
    )


def _trunk(name, width, blocks, style):
    if name == "xception39":
        mid = tuple(max(width * part // 64, 1) for part in (16, 32, 64))
        blocks = blocks or (4, 8, 4)
        return Xception39(max(width // 8, 1), mid=mid, blocks=blocks, style=style)
    depths = {"resnet18": 18, "resnet101": 101}
    if name not in depths:
        raise ValueError(
            f"backbone={name!r} is invalid{one_of(name, ['xception39', *depths])}"
        )
    variant = BETA if name == "resnet101" else TORCHVISION
    return ResNet(
        depths[name], variant=variant, width=width, blocks=blocks, style=style
    )
