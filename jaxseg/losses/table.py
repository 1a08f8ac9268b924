"""Lists all losses, each with its function and its properties.

To add a loss of the logits, write its function in a new file and add one entry to
`LOSSES`; a configuration then selects it by its name. To add the loss of another output
of a network, add the entry to `OUTPUT_LOSSES`; it then applies to all networks that
have the output. `SIGMOID_LOSSES` and `SIGMOID_OUTPUT_LOSSES` are the same tables for
networks with `model.output="sigmoid"`.
"""

from __future__ import annotations

from jaxseg.losses._affinity import affinity
from jaxseg.losses._boundary import boundary
from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses._dual_task import (
    dual_task,
    edge_attention,
    image_weighted_cross_entropy,
)
from jaxseg.losses._focal import focal
from jaxseg.losses._lovasz_hinge import lovasz_hinge
from jaxseg.losses._mask_classification import mask_classification
from jaxseg.losses.edge import edge_cross_entropy
from jaxseg.losses.latent import latent_kl
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
from jaxseg.losses.presence import presence_cross_entropy
from jaxseg.losses.record import Loss, Options, OutputLoss
from jaxseg.losses.region import dice, jaccard, tversky
from jaxseg.losses.sigmoid_pixels import binary_cross_entropy, binary_focal
from jaxseg.losses.sigmoid_region import binary_dice, binary_jaccard, binary_tversky


def _over_batch(options: Options) -> bool:
    return not options.get("per_image", True)


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        cross_entropy,
        couples_examples=False,
        takes=("class_weights", "merged"),
        for_points=True,
    ),
    "ohem_cross_entropy": Loss(
        ohem_cross_entropy,
        couples_examples=True,
        takes=("class_weights", "axis_name"),
        for_points=True,
    ),
    "top_k_cross_entropy": Loss(
        top_k_cross_entropy,
        couples_examples=True,
        takes=("class_weights", "axis_name", "step"),
        for_points=True,
    ),
    "focal": Loss(
        focal, couples_examples=False, takes=("class_weights",), for_points=True
    ),
    "dice": Loss(
        dice, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "jaccard": Loss(
        jaccard, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "tversky": Loss(
        tversky, couples_examples=_over_batch, takes=("axis_name",), for_points=True
    ),
    "lovasz_softmax": Loss(
        lovasz_softmax,
        couples_examples=lambda options: not options.get("per_image", False),
        takes=("axis_name",),
        for_points=True,
    ),
    "boundary": Loss(boundary, couples_examples=False),
    "affinity": Loss(
        affinity,
        couples_examples=True,
        takes=("axis_name", "step", "size_weights"),
    ),
    "dual_task": Loss(
        dual_task,
        couples_examples=lambda options: options.get("gumbel", True),
        takes=("step",),
        random=True,
    ),
    "edge_attention": Loss(
        edge_attention, couples_examples=False, takes=("edge",), requires=("edge",)
    ),
    "image_weighted_cross_entropy": Loss(
        image_weighted_cross_entropy, couples_examples=False
    ),
    # The means are over the queries and the masks of the whole batch.
    "mask_classification": Loss(
        mask_classification,
        couples_examples=True,
        takes=("step", "axis_name", "query_classes", "query_masks"),
        requires=("query_classes", "query_masks"),
    ),
}

OUTPUT_LOSSES: dict[str, OutputLoss] = {
    "aux": OutputLoss(
        "aux*",
        Loss(cross_entropy, couples_examples=False, takes=("class_weights", "merged")),
        coefficient="aux_weight",
    ),
    # The weights of edges depend on the number of edge pixels in the whole batch.
    "edge": OutputLoss(
        "edge",
        Loss(edge_cross_entropy, couples_examples=True, takes=("axis_name",)),
        coefficient="edge_weight",
        options=(("radius", "edge_radius"),),
    ),
    "presence": OutputLoss(
        "extra_presence",
        Loss(presence_cross_entropy, couples_examples=False),
        coefficient="presence_weight",
    ),
    "kl": OutputLoss(
        "extra_kl", Loss(latent_kl, couples_examples=False), coefficient="kl_weight"
    ),
}

SIGMOID_LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        binary_cross_entropy, couples_examples=False, takes=("positive_weights",)
    ),
    "focal": Loss(binary_focal, couples_examples=False, takes=("positive_weights",)),
    "dice": Loss(binary_dice, couples_examples=_over_batch, takes=("axis_name",)),
    "jaccard": Loss(binary_jaccard, couples_examples=_over_batch, takes=("axis_name",)),
    "tversky": Loss(binary_tversky, couples_examples=_over_batch, takes=("axis_name",)),
    "lovasz_hinge": Loss(
        lovasz_hinge,
        couples_examples=lambda options: not options.get("per_image", False),
        takes=("axis_name",),
    ),
}

SIGMOID_OUTPUT_LOSSES: dict[str, OutputLoss] = {
    "aux": OutputLoss(
        "aux*",
        Loss(binary_cross_entropy, couples_examples=False, takes=("positive_weights",)),
        coefficient="aux_weight",
    ),
}
