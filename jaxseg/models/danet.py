"""DANet: dual attention on a dilated ResNet (arXiv 1809.02983)."""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.dual_attention import DualAttentionHead
from jaxseg.models.compose import to_image
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array, Outputs


class DANet(nn.Module):
    """Applies a backbone and the dual attention head.

    The two branches of the head give the auxiliary outputs.

    The paper weights the cross entropies of all three outputs by 1: train with
    `loss.aux_weight = 1`.
    """

    backbone: nn.Module
    head: DualAttentionHead
    align_corners: bool = True

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Returns "logits", "aux_position" and "aux_channel", [B, H, W, K], float32."""
        logits = self.head(self.backbone(image, train=train), train=train)
        aligned = self.align_corners
        return {
            name: to_image(x, image, self.backbone, align_corners=aligned)
            for name, x in logits.items()
        }


def danet(
    num_classes: int,
    backbone: nn.Module,
    *,
    variant: str = "paper",
    features: int = 512,
    align_corners: bool = True,
    attention: str = "auto",
    style: BlockConfig = BlockConfig(),
) -> DANet:
    """Puts the head of DANet on a backbone with c5 (arXiv 1809.02983).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      variant: How the channel attention is computed. "paper" takes the softmax of the
        similarity. "release" takes the softmax of the negated similarity, as the
        published checkpoints require.
      features: Number of channels of the head.
      align_corners: True in the authors' code, False in MMSegmentation.
      attention: "plain" stores all attention scores at once. "block" stores only a part
        of them at a time. "auto" selects one of the two by the number of scores.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = DualAttentionHead(
        num_classes, features, variant=variant, attention=attention, style=style
    )
    return DANet(backbone, head, align_corners=align_corners)


def danet_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    variant: str = "paper",
    style: BlockConfig = BlockConfig(),
    **options,
) -> DANet:
    """Creates DANet on a ResNet at output stride 8 (arXiv 1809.02983).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      variant: How the channel attention is computed. "paper" takes the softmax of the
        similarity. "release" takes the softmax of the negated similarity.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `danet` and of `create_resnet`, such as `stem`.
        The authors' Cityscapes network has `multi_grid=(1, 2, 4)`, so that layer 4 has
        the rates 4, 8 and 16.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 8, style=style, **trunk)
    return danet(num_classes, backbone, variant=variant, style=style, **rest)
