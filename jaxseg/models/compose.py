"""Combines a backbone, a head and an auxiliary head into a network."""

from flax import linen as nn

from jaxseg.nn.layers import logits_float32
from jaxseg.ops.rescale import zoom
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs


class EncoderDecoder(nn.Module):
    """Computes head(backbone(image)) and resizes the logits bilinearly to the image.

    Attributes:
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      head: Maps this dictionary to logits [B, h, w, K].
      aux_head: Maps one feature map to auxiliary logits [B, h, w, K] for training
        (PSPNet, arXiv 1612.01105, section 3.3). It is always applied; under jit, XLA
        removes it if its result is not used.
      aux_tap: The name of the feature map that the auxiliary head reads, such as "c4".
      align_corners: Whether the final resizing aligns corners.
      zoom: An integer factor. If given, the logits are enlarged by it with aligned
        corners and cropped to the size of the image, as Caffe does, in place of the
        final resizing.
      aux_presence: Maps the dictionary to logits [B, K] that say which classes occur in
        the image, for training. The output is "extra_presence".
    """

    backbone: nn.Module
    head: nn.Module
    aux_head: nn.Module | None = None
    aux_tap: str = "c4"
    align_corners: bool = False
    zoom: int | None = None
    aux_presence: nn.Module | None = None

    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        pyramid = self.backbone(image, train=train)
        outputs = {"logits": self._upsample(self.head(pyramid, train=train), image)}
        if self.aux_head is not None:
            aux = self.aux_head(pyramid[self.aux_tap], train=train)
            outputs["aux"] = self._upsample(aux, image)
        if self.aux_presence is not None:
            presence = self.aux_presence(pyramid, train=train)
            outputs["extra_presence"] = presence
        return outputs

    def _upsample(self, logits, image):
        logits, size = logits_float32(logits), image.shape[1:3]
        if self.zoom is not None:
            return zoom(logits, self.zoom, size)
        return to_image(logits, image, self.backbone, align_corners=self.align_corners)


def to_image(
    logits: Array, image: Array, backbone: nn.Module, *, align_corners: bool = False
) -> Array:
    """Resizes logits bilinearly to the image.

    A backbone with an attribute `patch`, such as ViT, pads the image to a multiple of
    the patch size. Its logits are resized to the padded image and then cropped.

    Args:
      logits: [B, h, w, K].
      image: [B, H, W, C].
      backbone: The backbone. Only its attribute `patch`, if there is one, is read.
      align_corners: Whether the resizing aligns corners.

    Returns:
      [B, H, W, K].
    """
    patch, size = getattr(backbone, "patch", 1), image.shape[1:3]
    padded = tuple(-(-side // patch) * patch for side in size)
    logits = resize(logits, padded, align_corners=align_corners)
    return logits if padded == size else logits[:, : size[0], : size[1]]
