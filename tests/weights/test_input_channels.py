"""Tests how first convolutions adapt to the number of channels of images."""

import importlib
import pathlib

import jax
import numpy as np
import pytest

import jaxseg
from jaxseg import create_model, weights
from jaxseg.cli import convert
from jaxseg.runs import pretrained
from jaxseg.runs.directory import (
    build_model,
    load_variables,
    read_config,
    read_spec,
)
from jaxseg.weights.catalog.maps import smp_unet
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.input_channels import adapt_kernel, adapt_kernel_hwio

CHANNELS = (1, 2, 4, 5)
RUN = pathlib.Path(__file__).parents[1] / "golden" / "unet"


@pytest.mark.slow
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_rule_is_that_of_segmentation_models_pytorch(channels):
    torch = pytest.importorskip("torch")
    peers = importlib.import_module("tests.parity.peers")  # It repairs imports.
    try:
        smp = peers.smp.__name__
    except ImportError:
        pytest.skip("segmentation_models_pytorch is not installed")
    utils = importlib.import_module(f"{smp}.encoders._utils")
    layer = torch.nn.Conv2d(3, 6, 3, bias=False)
    kernel = layer.weight.detach().numpy().copy()
    utils.patch_first_conv(torch.nn.Sequential(layer), channels)
    expected = layer.weight.detach().numpy()
    np.testing.assert_allclose(adapt_kernel(kernel, channels), expected, atol=1e-7)
    flax = adapt_kernel_hwio(kernel.transpose(2, 3, 1, 0), channels)
    np.testing.assert_allclose(flax, expected.transpose(2, 3, 1, 0), atol=1e-7)


NARROW = {"width": 8, "blocks": (1, 1, 1, 1)}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, fill):
    """Returns a checkpoint of a narrow network for RGB images, and its logits."""
    model = create_model("unet_resnet18", 2, **NARROW)
    variables = fill(model, (1, 32, 32, 3))
    path = tmp_path_factory.mktemp("smp") / "a.npz"
    np.savez(path, **weights.to_torch(variables, smp_unet.MAP))
    forward = jax.jit(
        lambda image: model.apply(variables, image, train=False)["logits"]
    )
    return path, forward


@pytest.mark.parametrize("channels", [1, 4])
def test_adapted_networks_see_sums_of_channels(checkpoint, channels):
    """The first convolution is linear, so color c sees the channels i with i % 3 = c.

    The network for RGB images therefore computes the expected logits from sums of the
    channels, without any kernel of another shape.
    """
    path, forward = checkpoint
    image = np.random.default_rng(0).normal(size=(1, 32, 32, channels))
    image = image.astype(np.float32)
    if channels == 1:
        seen = np.repeat(image, 3, axis=-1)
    else:
        sums = [image[..., c::3].sum(-1) for c in range(3)]
        seen = np.stack(sums, axis=-1) * np.float32(3 / channels)
    model, variables = jaxseg.load_pretrained(
        path, in_channels=channels, model_options=NARROW
    )
    found = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])(image)
    expected = np.asarray(forward(seen))
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_adapted_networks_are_those_of_segmentation_models_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    peers = importlib.import_module("tests.parity.peers")  # It repairs imports.
    widths = (32, 16, 8, 8, 8)
    options = {"encoder_weights": None, "classes": 2, "decoder_channels": widths}
    try:
        net = peers.smp.Unet("resnet18", **options)
    except ImportError:
        pytest.skip("segmentation_models_pytorch is not installed")
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        setattr(net.encoder, stage, getattr(net.encoder, stage)[:1])
    torch.save(peers.randomize(net, channels=3).state_dict(), tmp_path / "a.pth")
    net.encoder.set_in_channels(4, pretrained=True)
    image = np.random.default_rng(0).normal(size=(1, 64, 64, 4)).astype(np.float32)
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(image.transpose(0, 3, 1, 2))).numpy()
    model, variables = jaxseg.load_pretrained(
        tmp_path / "a.pth",
        in_channels=4,
        model_options={"blocks": (1, 1, 1, 1), "features": widths},
    )
    forward = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])
    found = np.asarray(forward(image))
    expected = expected.transpose(0, 2, 3, 1)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("channels", [1, 4])
def test_convert_writes_a_run_for_other_channels(tmp_path, capsys, channels):
    """Such a run starts another run: its kernels fit without another change."""
    output = tmp_path / "run"
    assert convert.main([str(RUN), "-o", str(output), "--channels", str(channels)]) == 0
    shown, spec = capsys.readouterr().err, read_spec(output)
    was = read_spec(RUN)
    if channels == 1:
        assert spec.mean == pytest.approx([sum(was.mean) / 3], abs=1e-6)
    else:
        assert spec.mean == pytest.approx((*was.mean, was.mean[0]), abs=1e-6)
    assert f"mean {spec.mean[0]:g}" in shown and len(spec.std) == channels
    config = read_config(RUN)
    model = build_model(config, spec.num_classes)
    _, before = load_variables(RUN, model, ema=config.train.ema is not None)
    _, after = load_variables(output, model, channels=channels)
    before, after = flatten(before), flatten(after)
    (first,) = (k for k in before if np.shape(before[k]) != np.shape(after[k]))
    expected = adapt_kernel_hwio(np.asarray(before.pop(first)), channels)
    np.testing.assert_allclose(after.pop(first), expected, rtol=1e-6)
    assert all(np.array_equal(before[k], after[k]) for k in before)
    again = jaxseg.load_pretrained(output)  # The channels follow from the weights.
    assert flatten(again.variables)[first].shape[2] == channels


def test_a_run_directory_has_at_most_32_channels(tmp_path):
    with pytest.raises(ValueError, match=r"channels=33 is invalid: expected 1 to 32"):
        convert.main([str(RUN), "-o", str(tmp_path / "run"), "--channels", "33"])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_a_run_starts_from_weights_for_other_channels(fill, channels):
    """Only the kernel that reads the image changes."""
    loaded = jaxseg.open_run(RUN)
    model = build_model(read_config(RUN), read_spec(RUN).num_classes)
    fresh = fill(model, (1, 32, 32, channels))

    class State:
        params = fresh["params"]
        batch_stats = fresh.get("batch_stats", {})
        ema = None

        def replace(self, **changes):
            return changes

    found = pretrained.initialized(State(), RUN, channels=channels)["params"]
    changed = []

    def compare(path, new, old):
        if np.shape(new) == np.shape(old):
            np.testing.assert_array_equal(new, old)
        else:
            changed.append(path)
            np.testing.assert_allclose(
                new, adapt_kernel_hwio(np.asarray(old), channels)
            )

    jax.tree_util.tree_map_with_path(compare, found, loaded.variables["params"])
    assert len(changed) == 1
