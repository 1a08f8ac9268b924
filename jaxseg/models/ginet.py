"""GINet: graph interaction of pixels and class words (arXiv 2009.06160)."""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GraphInteractionHead
from jaxseg.models.compose import to_image
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.jpu import JPU
from jaxseg.nn.transformer import Linear
from jaxseg.typing import Array, Outputs


class GINet(nn.Module):
    """Applies JPU and the graph interaction head, and predicts class presence.

    The output "extra_presence" has one logit per image and class: a linear layer maps
    the features of the graph node of the class to the logit. The loss
    `jaxseg.losses.presence` reads it. Only training needs this layer and the auxiliary
    head.
    """

    backbone: nn.Module
    neck: JPU
    head: GraphInteractionHead
    aux_head: nn.Module
    aux_presence: Linear
    align_corners: bool = True

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Returns "logits", "aux" [B, H, W, K], "extra_presence" [B, K], float32."""
        pyramid = self.backbone(image, train=train)
        x = self.neck(pyramid, train=train)
        logits, states = self.head(x, train=train)
        aux = self.aux_head(pyramid["c4"], train=train)
        aligned = self.align_corners
        return {
            "logits": to_image(logits, image, self.backbone, align_corners=aligned),
            "aux": to_image(aux, image, self.backbone, align_corners=aligned),
            "extra_presence": self.aux_presence(states)[..., 0].astype("float32"),
        }


def ginet(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    nodes: int = 84,
    states: int = 256,
    graph_convolution: bool = True,
    class_message: str = "paper",
    style: BlockConfig = BlockConfig(),
) -> GINet:
    """Puts JPU and a graph interaction head on a backbone (arXiv 2009.06160).

    The JPU reads c3, c4 and c5, and an auxiliary head reads c4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the JPU's branches and of the head. The auxiliary
        head has half as many.
      nodes: Number of nodes of the visual graph: 84 in PaddleSeg, 64 in the paper.
      states: Number of channels of both graphs.
      graph_convolution: Whether a graph convolution is first applied to each graph.
      class_message: How a message updates the state of a class. "paper" multiplies the
        message by a learned factor. "paddle" multiplies the old state by the factor.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return GINet(
        backbone,
        neck=JPU(features, style=style),
        head=GraphInteractionHead(
            num_classes,
            features=features,
            nodes=nodes,
            states=states,
            graph_convolution=graph_convolution,
            class_message=class_message,
            style=style,
        ),
        aux_head=PixelHead(
            num_classes, features // 2, style=style, channel_dropout=False
        ),
        aux_presence=Linear(1, style=style),
    )


def ginet_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    style: BlockConfig = BlockConfig(),
    **options,
) -> GINet:
    """Creates a ResNet with JPU and a graph interaction head (arXiv 2009.06160).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `ginet`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 32, style=style, **trunk)
    return ginet(num_classes, backbone, style=style, **rest)
