"""Networks whose options the tensors hide, from their files alone, beside their peers."""

import numpy as np
import pytest

from jaxseg import weights
from jaxseg.cli import convert
from jaxseg.runs.conversion import compare
from jaxseg.runs.conversion import convert as converted
from jaxseg.runs.directory import build_model
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.catalog import mmseg_peer
from jaxseg.weights.loading import Taking

OTHER = {"decoder_atrous_rates": (6, 12, 18), "encoder_output_stride": 8}
STATED = [
    "--model.options.output_stride",
    "8",
    "--model.options.rates",
    "6",
    "12",
    "18",
]


def other_plus(peers):
    """DeepLabV3Plus with other rates and another stride than by default."""
    net = peers.smp.DeepLabV3Plus("resnet18", encoder_weights=None, classes=3, **OTHER)
    return peers.randomize(net)


def difference(peers, net, result, channels=3):
    """Between the converted network and the library's own object, not one like it."""
    random = np.random.default_rng(0)
    image = random.normal(size=(1, 64, 96, channels)).astype(np.float32)
    with peers.torch.no_grad():
        want = net(peers.torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    want = want.numpy().transpose(0, 2, 3, 1)
    network = result.network
    model = build_model(network.config, network.num_classes)
    got = model.apply(result.imported.variables, image, train=False)["logits"]
    return np.abs(np.asarray(got) - want).max() / np.abs(want).max()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["config.json", "options", "neither"])
def test_other_rates_of_smp(peers, tmp_path, how):
    net = other_plus(peers)
    net.save_pretrained(tmp_path)
    if how != "config.json":
        (tmp_path / "config.json").unlink()
    options = {"output_stride": 8, "rates": (6, 12, 18)} if how == "options" else {}
    wanted = Wanted(options={"model": {"options": options}})
    result = converted(str(tmp_path / "model.safetensors"), wanted, Taking())
    assert bool(result.network.assumed) == (how == "neither")
    far = difference(peers, net, result)
    assert far < 1e-4 if how != "neither" else far > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "channels", "classes"),
    [("resnet18", 1, 1), ("resnet34", 4, 1), ("resnet101", 3, 2)],
)
def test_unet_of_smp(peers, tmp_path, encoder, channels, classes):
    """Channels, depth and classes follow from the file; --verify agrees."""
    net = peers.smp.Unet(
        encoder, encoder_weights=None, in_channels=channels, classes=classes
    )
    path = tmp_path / "a.pth"
    peers.torch.save(peers.randomize(net, channels=channels).state_dict(), path)
    result = converted(str(path), Wanted(), Taking())
    assert result.network.channels == channels
    assert result.network.num_classes == classes
    assert compare(result) < 1e-4
    assert difference(peers, net, result, channels) < 1e-4


@pytest.mark.slow
def test_verify_builds_the_network_that_was_stated(peers, tmp_path, capsys):
    other_plus(peers).save_pretrained(tmp_path)
    line = [str(tmp_path / "model.safetensors"), "-o", str(tmp_path / "run")]
    assert convert.main([*line, "--verify", *STATED]) == 0
    text = capsys.readouterr().out
    assert float(text.split("difference  ")[1].split()[0]) < 1e-4


@pytest.mark.slow
def test_a_grid_of_mmseg(peers, tmp_path):
    """DeepLabV3 at stride 16 with a multi-grid, from the text in the file."""
    assert peers.mmseg
    source = next(s for s in weights.SOURCES if s.name == "DeepLabV3 on ResNet-v1c")
    peer = source.networks[2]
    fields = {
        "backbone.strides": (1, 2, 2, 1),
        "backbone.dilations": (1, 1, 1, 2),
        "backbone.multi_grid": (1, 2, 4),
        "decode_head.dilations": (1, 6, 12, 18),
    }
    net = mmseg_peer.build(peer.factory, {**dict(peer.peer), **fields}, {}, 4)
    peers.randomize(net, run=mmseg_peer.logits)
    trunk = ", ".join(f"{k[9:]}={v}" for k, v in fields.items() if "backbone" in k)
    text = (
        f"model = dict(backbone=dict(type='ResNetV1c', depth=18, {trunk}, "
        "contract_dilation=True), decode_head=dict(type='ASPPHead', "
        "dilations=(\n1,\n6,\n12,\n18,\n)))"
    )
    path, tree = tmp_path / "a.pth", {"state_dict": net.state_dict()}
    peers.torch.save(tree | {"meta": {"cfg": text}}, path)
    result = converted(str(path), Wanted(), Taking())
    net.forward = lambda image: mmseg_peer.logits(net, image)
    assert result.network.config.model.options["multi_grid"] == (1, 1, 2)
    assert difference(peers, net, result) < 1e-4
    peers.torch.save(tree, path)
    bare = converted(str(path), Wanted(), Taking())
    assert bare.network.assumed and difference(peers, net, bare) > 1e-2
