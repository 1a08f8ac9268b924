"""Imports the BiSeNetV1 of MMSegmentation as `bisenet` with `form="mmseg"`."""

from jaxseg.weights.catalog.maps.mmseg_hrnet import pixel_head
from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import Rules, conv_norm, prefixed

_PATH = r"backbone\.context_path"


def _module(src: str, dst: str) -> Rules:
    return conv_norm(rf"{src}\.conv", rf"{src}\.bn", dst)


def _refinement(src: str, level: str) -> Rules:
    dst = f"context/arm_{level}"
    return (
        *_module(rf"{_PATH}\.{src}\.conv_layer", f"{dst}/conv"),
        *_module(rf"{_PATH}\.{src}\.atten_conv_layer\.1", f"{dst}/attention"),
    )


def _spatial(index: int) -> Rules:
    """Returns the import rules of a layer. MMSegmentation counts layers from 1."""
    return _module(rf"backbone\.spatial_path\.layer{index + 1}", f"spatial/conv{index}")


MAP = (
    *prefixed(BACKBONE, src=r"backbone\.context_path\.backbone\.", dst="backbone/"),
    *_refinement("arm16", "c4"),
    *_refinement("arm32", "c5"),
    *_module(rf"{_PATH}\.conv_head32", "context/refine_c4"),
    *_module(rf"{_PATH}\.conv_head16", "context/refine_c3"),
    *_module(rf"{_PATH}\.gap_conv\.1", "context/global"),
    *_spatial(0),
    *_spatial(1),
    *_spatial(2),
    *_spatial(3),
    *_module(r"backbone\.ffm\.conv1", "fusion/conv"),
    *_module(r"backbone\.ffm\.conv_atten\.0", "fusion/attention"),
    *pixel_head("decode_head", "head"),
    *pixel_head(r"auxiliary_head\.0", "aux_c3"),
    *pixel_head(r"auxiliary_head\.1", "aux_c4"),
)
