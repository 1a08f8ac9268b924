"""Implements the loss functions.

A loss function returns a value and a weight for each pixel. The loss of a batch is the
mean of the values with these weights.
"""

from jaxseg.losses._affinity import affinity
from jaxseg.losses._boundary import boundary, signed_distance
from jaxseg.losses._cross_entropy import cross_entropy, pixel_nll
from jaxseg.losses._dual_task import (
    boundary_strength,
    dual_task,
    edge_attention,
    image_class_weights,
    image_weighted_cross_entropy,
)
from jaxseg.losses._focal import focal
from jaxseg.losses._lovasz_hinge import lovasz_hinge
from jaxseg.losses._mask_classification import mask_classification
from jaxseg.losses._merged import members_of, merged_nll
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.edge import edge_cross_entropy, edge_target
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.objective import Objective, build_objective
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
from jaxseg.losses.presence import presence_cross_entropy
from jaxseg.losses.record import Loss, OutputLoss
from jaxseg.losses.reduction import total_loss, weighted_mean
from jaxseg.losses.region import dice, jaccard, tversky
from jaxseg.losses.sigmoid_pixels import binary_cross_entropy, binary_focal
from jaxseg.losses.sigmoid_region import binary_dice, binary_jaccard, binary_tversky
from jaxseg.losses.table import (
    LOSSES,
    OUTPUT_LOSSES,
    SIGMOID_LOSSES,
    SIGMOID_OUTPUT_LOSSES,
)

__all__ = [
    "LOSSES",
    "OUTPUT_LOSSES",
    "SIGMOID_LOSSES",
    "SIGMOID_OUTPUT_LOSSES",
    "Loss",
    "Objective",
    "OutputLoss",
    "affinity",
    "binary_cross_entropy",
    "binary_dice",
    "binary_focal",
    "binary_jaccard",
    "binary_tversky",
    "boundary",
    "boundary_strength",
    "build_objective",
    "cross_entropy",
    "dice",
    "dual_task",
    "edge_attention",
    "edge_cross_entropy",
    "edge_target",
    "focal",
    "image_class_weights",
    "image_weighted_cross_entropy",
    "jaccard",
    "lovasz_hinge",
    "lovasz_softmax",
    "mask_classification",
    "median_frequency",
    "members_of",
    "merged_nll",
    "ohem_cross_entropy",
    "pixel_nll",
    "presence_cross_entropy",
    "signed_distance",
    "top_k_cross_entropy",
    "total_loss",
    "tversky",
    "weighted_mean",
]
