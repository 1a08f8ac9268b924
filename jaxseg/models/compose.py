"""Backbone, head and auxiliary head put together."""

from flax import linen as nn

from jaxseg.nn.layers import logits_float32
from jaxseg.ops.rescale import zoom
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs


class EncoderDecoder(nn.Module):
    """logits = head(backbone(image)), resized bilinearly to the image.

    Attributes:
      backbone: image -> pyramid.
      head: pyramid -> [B, h, w, K].
      aux_head: one feature map -> [B, h, w, K], a training-time second opinion
        (PSPNet, arXiv 1612.01105, section 3.3); always computed, unused it costs
        nothing under jit.
      aux_tap: the pyramid level that feeds it.
      align_corners: corner rule of the final resizing.
      zoom: enlarge by this whole factor with aligned corners and cut to the image,
        Caffe's way, in place of the final resizing.
    """

    backbone: nn.Module
    head: nn.Module
    aux_head: nn.Module | None = None
    aux_tap: str = "c4"
    align_corners: bool = False
    zoom: int | None = None

    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        pyramid = self.backbone(image, train=train)
        outputs = {"logits": self._upsample(self.head(pyramid, train=train), image)}
        if self.aux_head is not None:
            aux = self.aux_head(pyramid[self.aux_tap], train=train)
            outputs["aux"] = self._upsample(aux, image)
        return outputs

    def _upsample(self, logits, image):
        logits, size = logits_float32(logits), image.shape[1:3]
        if self.zoom is not None:
            return zoom(logits, self.zoom, size)
        return resize(logits, size, align_corners=self.align_corners)
