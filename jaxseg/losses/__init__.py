"""Losses: unreduced values and weights, one masking contract, one objective."""

from jaxseg.losses.boundary import boundary, signed_distance
from jaxseg.losses.build import LOSSES, build
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.cross_entropy import cross_entropy, pixel_nll
from jaxseg.losses.edge import edge_cross_entropy, edge_target
from jaxseg.losses.focal import focal
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
from jaxseg.losses.reduction import mean_share, objective
from jaxseg.losses.region import dice, jaccard, tversky

__all__ = [
    "LOSSES",
    "boundary",
    "build",
    "cross_entropy",
    "dice",
    "edge_cross_entropy",
    "edge_target",
    "focal",
    "jaccard",
    "lovasz_softmax",
    "mean_share",
    "median_frequency",
    "objective",
    "ohem_cross_entropy",
    "pixel_nll",
    "signed_distance",
    "top_k_cross_entropy",
    "tversky",
]
