"""Hierarchical transformers and their heads equal PyTorch's under random weights."""

import pytest

from jaxseg import create_model
from jaxseg.weights.catalog.maps import mmseg_segformer, smp_segformer, smp_unet
from jaxseg.weights.translate.rules import prefixed
from tests.parity.test_context import build, whole

BLOCKS = (1, 1, 1, 1)
SIZES = ((65, 96),)


def make_mmseg_segformer(peers):
    """SegFormer-B0 with one block in each stage."""
    net = build(peers, "segformer_mit-b0", num_layers=list(BLOCKS))
    model = create_model("segformer_b0", 19, variant="mmseg", blocks=BLOCKS)
    return model, peers.randomize(net, run=whole), mmseg_segformer.MAP, {"run": whole}


@pytest.mark.slow
def test_mmseg_segformer(peers):
    model, net, rules, options = make_mmseg_segformer(peers)
    peers.compare(
        model,
        net,
        rules,
        sizes=SIZES,
        label="mmsegmentation: SegFormer MiT-B0, one block per stage",
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", ["b0", "b2"])
def test_smp_segformer(peers, size):
    """The names of the authors' backbone. Its decoder takes multiples of 32 only."""
    features = 768 if size == "b2" else 256
    net = peers.smp.Segformer(
        f"mit_{size}",
        encoder_weights=None,
        classes=5,
        decoder_segmentation_channels=features,
    )
    peers.compare(
        create_model(f"segformer_{size}", 5, align_corners=True),
        peers.randomize(net),
        smp_segformer.MAP,
        sizes=((64, 96),),
        label=f"smp: SegFormer MiT-{size.upper()}",
    )


@pytest.mark.slow
def test_smp_unet(peers):
    """MiT has no map of stride 2. The decoder of smp takes multiples of 32 only."""
    net = peers.smp.Unet("mit_b0", encoder_weights=None, classes=5)
    encoder = prefixed(smp_segformer.BACKBONE, src=r"encoder\.", dst="backbone/")
    peers.compare(
        create_model("unet", 5, backbone="mit_b0"),
        peers.randomize(net),
        (*encoder, *smp_unet.HEAD),
        sizes=((64, 96),),
        label="smp: Unet mit_b0",
    )
