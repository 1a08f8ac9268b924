"""Files of the real torch.save are read equal; ours are read by the real torch.load."""

import collections

import ml_dtypes
import numpy as np
import pytest

from jaxseg import weights
from jaxseg.cli import convert
from jaxseg.weights.catalog import mmseg_peer
from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats.opaque import unread_names


def tensors(torch):
    """What a checkpoint may hold: dtypes, views, shared and empty storages."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return collections.OrderedDict(
        float32=base,
        transposed=base.t(),
        view=base[1:, 2:5],
        strided=base[::2, ::3],
        half=base.half(),
        bfloat16=(base / 7).bfloat16(),
        double=base.double(),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        counter=torch.tensor(7),
        mask=base > 3,
        byte=base.byte(),
        parameter=torch.nn.Parameter(base.clone()),
    )


def plain(torch, tensor):
    """A tensor as numpy, bfloat16 too."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.float().numpy().astype(ml_dtypes.bfloat16)
    return tensor.numpy()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_kind_of_tensor(peers, tmp_path, zipped):
    torch, path = peers.torch, tmp_path / "a.pth"
    want = tensors(torch)
    meta = {"epoch": 3, "CLASSES": ("a", "b"), "PALETTE": [[0, 0, 0], [1, 2, 3]]}
    tree = {"state_dict": want, "meta": meta, "lr": [0.1, None, True]}
    torch.save(tree, path, _use_new_zipfile_serialization=zipped)
    got = torchfile.read(str(path))
    assert got["meta"] == meta and got["lr"] == [0.1, None, True]
    assert list(got["state_dict"]) == list(want)
    for name, tensor in want.items():
        array, expected = got["state_dict"][name], plain(torch, tensor)
        assert array.dtype == expected.dtype and array.shape == expected.shape, name
        assert np.array_equal(array, expected), name


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_the_log_of_mmengine(peers, tmp_path, zipped):
    """A checkpoint as MMEngine's runner writes it, its message hub included."""
    logging, torch = pytest.importorskip("mmengine.logging"), peers.torch
    hub, path = logging.MessageHub.get_instance(f"hub {zipped}"), tmp_path / "a.pth"
    hub.update_scalar("train/loss", 1.5)
    hub.update_info("best", np.float64(0.5))
    hub.update_info("epoch", 3)
    meta = {"dataset_meta": {"classes": ("a", "b"), "palette": None}}
    tree = {"meta": meta, "state_dict": tensors(torch), "message_hub": hub.state_dict()}
    torch.save(tree, path, _use_new_zipfile_serialization=zipped)
    got = torchfile.read(str(path))
    assert np.array_equal(got["state_dict"]["float32"], tensors(torch)["float32"])
    assert got["meta"] == meta and got["message_hub"]["runtime_info"]["epoch"] == 3
    names = {name.rpartition(".")[2] for name in unread_names(got)}
    assert names == {"HistoryBuffer", "scalar"}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_whole_module_and_an_optimizer(peers, tmp_path, zipped):
    """A pickled module is refused by name; optimizer states are plain containers."""
    torch, path = peers.torch, tmp_path / "a.pth"
    net = torch.nn.Linear(2, 3)
    torch.save(net, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        ValueError, match=r"the file refers to torch\.nn\.modules\.linear"
    ):
        torchfile.read(str(path))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    tree = {"model": net.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(tree, path, _use_new_zipfile_serialization=zipped)
    state = torchfile.read(str(path))
    assert np.array_equal(state["model"]["weight"], net.weight.detach().numpy())
    assert state["optimizer"]["state"][0]["exp_avg"].shape == (3, 2)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torch_reads_what_we_write(peers, tmp_path, suffix):
    torch, path = peers.torch, tmp_path / f"a{suffix}"
    want = {name: plain(torch, t) for name, t in tensors(torch).items()}
    weights.write(path, want)
    if suffix == ".pth":
        got = torch.load(path, weights_only=True)
    else:
        got = pytest.importorskip("safetensors.torch").load_file(path)
    assert sorted(got) == sorted(want)
    for name, array in want.items():
        assert np.array_equal(plain(torch, got[name]), array), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factory", "options", "model"),
    [
        ("lraspp_mobilenet_v3_large", {}, "lraspp_mobilenetv3"),
        ("fcn_resnet50", {"aux_loss": True}, "fcn_resnet50"),
    ],
    ids=["small", "with auxiliary head"],
)
def test_there_and_back_through_a_real_network(
    peers, tmp_path, capsys, factory, options, model
):
    """Torchvision's network: convert --verify, and the file out again is the same."""
    torch, path = peers.torch, tmp_path / "a.pth"
    make = getattr(peers.torchvision.models.segmentation, factory)
    net = make(weights=None, weights_backbone=None, num_classes=21, **options)
    peers.randomize(net)
    torch.save(net.state_dict(), path)
    run, out = tmp_path / "run", tmp_path / "out.pth"
    assert convert.main([str(path), "-o", str(run), "--verify"]) == 0
    text = capsys.readouterr().out
    assert f"{model}, 21 classes" in text
    assert float(text.split("difference  ")[1].split()[0]) < 1e-4
    convert.main([str(run), "-o", str(out), "--export-names", "torchvision"])
    again = torch.load(out, weights_only=True)
    for key, tensor in net.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(again[key], tensor), key
    net.load_state_dict(again, strict=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "model"),
    [
        ("PSPNet", {"encoder_name": "resnet18"}, "pspnet_resnet50, 3 classes"),
        ("Unet", {"encoder_name": "resnet18"}, "unet_resnet18, 3 classes"),
        pytest.param(
            "DeepLabV3Plus",
            {"encoder_name": "resnet18", "encoder_depth": 4, "decoder_channels": 32},
            "deeplabv3plus_resnet50, 3 classes",
            marks=pytest.mark.sweep,
        ),
        pytest.param(
            "Unet",
            {"encoder_name": "mit_b0", "aux_params": {"classes": 2}},
            "unet on mit_b0, 3 classes",
            marks=pytest.mark.sweep,
        ),
    ],
)
def test_smp_is_found_and_verified(peers, tmp_path, capsys, name, options, model):
    """From the file alone: encoder, options and classes; the library agrees."""
    path = tmp_path / "a.pth"
    net = getattr(peers.smp, name)(encoder_weights=None, classes=3, **options)
    run = lambda net, image: net(image)
    net = peers.randomize(net, size=(96, 96), run=run)
    peers.torch.save(net.state_dict(), path)
    convert.main([str(path), "-o", str(tmp_path / "run"), "--verify"])
    text = capsys.readouterr().out
    assert model in text
    assert float(text.split("difference  ")[1].split()[0]) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "network", "shown"),
    [
        ("PSPNet on ResNet-v1c", 2, "pspnet_resnet50, 4 classes"),
        ("DeepLabV3+ on ResNet-v1b", 2, "deeplabv3plus_resnet50, 4 classes"),
        ("FastFCN-PSP on ResNet-v1d", 0, "fastfcn_psp_resnet50, 4 classes"),
        ("UNet", 0, "unet_fcn, 4 classes"),
    ],
)
def test_mmseg_is_found_and_verified(peers, tmp_path, capsys, kind, network, shown):
    """From the file alone, beside the library's own configuration at full size.

    The ResNet-18 networks have narrow heads and half as many dilated convolutions.
    """
    assert peers.mmseg
    source = next(row for row in weights.SOURCES if row.name == kind)
    peer = source.networks[network]
    net = mmseg_peer.build(peer.factory, dict(peer.peer), dict(peer.options), 4)
    peers.randomize(net, run=mmseg_peer.logits)
    path = tmp_path / "a.pth"
    peers.torch.save({"state_dict": net.state_dict(), "meta": {}}, path)
    convert.main([str(path), "-o", str(tmp_path / "run"), "--verify"])
    text = capsys.readouterr().out
    assert shown in text
    assert float(text.split("difference  ")[1].split()[0]) < 1e-4
