"""Mask2Former for semantic segmentation (arXiv 2112.01527).

A query is a vector from which the network predicts a class and a mask. The loss of the
paper, `loss.name="mask_classification"`, compares these classes and masks with the
classes in the label and the masks of their pixels. Evaluation, prediction and all other
losses read the logits of the pixels. `heads.mask2former.semantic_logits` computes these
logits from the queries of the last layer.
"""

from typing import ClassVar

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.swin import SIZES, Swin
from jaxseg.heads.mask2former import Mask2FormerHead, semantic_logits
from jaxseg.models.compose import to_image
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array, Outputs


class Mask2Former(nn.Module):
    """Computes classes and masks of queries, and from them the logits of the pixels.

    Attributes:
      backbone: Maps an image to a pyramid of feature maps.
      head: Maps the pyramid to the classes and masks of the queries.
      paper_loss: The value of `loss.name` for the loss of the paper.
    """

    backbone: nn.Module
    head: Mask2FormerHead
    paper_loss: ClassVar[str] = "mask_classification"

    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Segments images.

        Args:
          image: [B, H, W, C].
          train: Whether the network is trained.

        Returns:
          "logits", float32 [B, H, W, K], and the outputs of `Mask2FormerHead` as
          "extra_query_classes" and "extra_query_masks".
        """
        pyramid = self.backbone(image, train=train)
        found = self.head(pyramid, train=train)
        classes, masks = found["query_classes"], found["query_masks"]
        last = to_image(masks[:, -1], image, self.backbone)
        return {
            "logits": semantic_logits(classes[:, -1], last),
            "extra_query_classes": classes,
            "extra_query_masks": masks,
        }


def mask2former(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 256,
    queries: int = 100,
    layers: int = 9,
    style: BlockConfig = BlockConfig(),
    **options,
) -> Mask2Former:
    """Puts the head of Mask2Former on a backbone with c2 to c5 (arXiv 2112.01527).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a pyramid of feature maps.
      features: Number of channels of maps and queries, a multiple of 4 and of
        `attention_heads`.
      queries: Number of queries. In each training image, at most this many classes are
        learned.
      layers: Number of layers that update the queries.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Other attributes of `Mask2FormerHead`: `attention_heads`, `hidden`,
        `pixel_layers` and `pixel_hidden`.
    """
    head = Mask2FormerHead(
        num_classes,
        features=features,
        queries=queries,
        layers=layers,
        style=style,
        **options,
    )
    return Mask2Former(backbone, head)


def mask2former_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    style: BlockConfig = BlockConfig(),
    **options,
) -> Mask2Former:
    """Creates Mask2Former on a ResNet at output stride 32 (arXiv 2112.01527, table 3).

    Args:
      num_classes: Number of classes.
      depth: 18, 34, 50, 101 or 152.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `mask2former`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 32, style=style, **trunk)
    return mask2former(num_classes, backbone, style=style, **rest)


def mask2former_swin(
    num_classes: int,
    *,
    size: str,
    window: int | None = None,
    style: BlockConfig = BlockConfig(),
    **options,
) -> Mask2Former:
    """Creates Mask2Former on a Swin Transformer (arXiv 2112.01527, table 3).

    Args:
      num_classes: Number of classes.
      size: "swin_t", "swin_s" or "swin_b".
      window: Side of the windows; None takes 12 for "swin_b", whose backbone the
        authors trained on images of 384 x 384 pixels, and 7 for the others.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `Swin`, such as `drop_path`, and options of
        `mask2former`.
    """
    width, blocks, heads = SIZES[size]
    trunk, rest = split_options(options, Swin)
    trunk = {"width": width, "blocks": blocks, "heads": heads, **trunk}
    window = window or (12 if size == "swin_b" else 7)
    backbone = Swin(window=window, style=style, **trunk)
    return mask2former(num_classes, backbone, style=style, **rest)
