"""Names the task that a network is trained for, without importing the task."""

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
    """Returns the name of the task that a configuration's network is for."""
    return TASK_OF_MODEL.get(config.model.name, SEGMENTATION)
