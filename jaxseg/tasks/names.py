"""Finds the name of the task of a network without importing the module of the task."""

from __future__ import annotations

from collections.abc import Mapping

from jaxseg.config import Config

SEGMENTATION, PIX2PIX = "segmentation", "pix2pix"
PROB_UNET, POINT_CLOUDS = "prob_unet", "point_clouds"
# Networks that are not listed take images and return the logits of a label map.
TASK_OF_MODEL: Mapping[str, str] = {
    "pix2pix_unet256": PIX2PIX,
    "pix2pix_unet128": PIX2PIX,
    "prob_unet": PROB_UNET,
    "prob_unet_cityscapes": PROB_UNET,
    "point_transformer": POINT_CLOUDS,
}


def task_name(config: Config) -> str:
    """Returns the name of the task for which the network of a configuration is made."""
    return TASK_OF_MODEL.get(config.model.name, SEGMENTATION)
