"""Semantic FPN equals MMSegmentation's and segmentation_models.pytorch's."""

import pytest

from jaxseg import create_model, weights
from jaxseg.weights.catalog import mmseg_peer
from tests.parity.test_context import whole


@pytest.mark.slow
def test_mmseg(peers):
    assert peers.mmseg
    fields = {
        "backbone.depth": 18,
        "neck.in_channels": [64, 128, 256, 512],
        "neck.out_channels": 16,
        "decode_head.in_channels": [16, 16, 16, 16],
        "decode_head.channels": 8,
    }
    net = mmseg_peer.build("_base_/models/fpn_r50", fields, {}, 19)
    net = peers.randomize(net, run=whole)
    options = {"depth": 18, "pyramid_features": 16, "features": 8}
    peers.compare(
        create_model("semantic_fpn_resnet50", 19, **options),
        net,
        weights.detect(net.state_dict()).rules,
        sizes=((64, 96), (65, 97)),
        run=whole,
        label="mmsegmentation: Semantic FPN R18, narrow head",
    )


@pytest.mark.slow
def test_smp(peers):
    """The library accepts multiples of 32 only."""
    net = peers.smp.FPN(
        "resnet18",
        encoder_weights=None,
        classes=5,
        decoder_pyramid_channels=16,
        decoder_segmentation_channels=32,
    )
    options = {"depth": 18, "pyramid_features": 16, "features": 32}
    peers.compare(
        create_model("semantic_fpn_resnet50", 5, variant="smp", **options),
        peers.randomize(net),
        weights.detect(net.state_dict()).rules,
        sizes=((64, 64), (64, 96)),
        label="smp: FPN resnet18, narrow head",
    )
