"""Tests how first convolutions adapt to the number of channels of images."""

import importlib

import jax
import numpy as np
import pytest

import jaxseg
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
from jaxseg.runs import pretrained
from jaxseg.runs.directory import build_model
from jaxseg.weights.translate.input_channels import adapt_kernel, adapt_kernel_hwio

CHANNELS = (1, 2, 4, 5)


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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns a run directory of a small network for RGB images."""
    workdir = tmp_path_factory.mktemp("run") / "rgb"
    config = Config(
        data=DataConfig("shapes", crop=(32, 32), prepared_dir=str(workdir.parent / "data")),
        model=ModelConfig("unet", {"width": 4, "depth": 1}),
        train=TrainConfig(steps=1, batch_size=8, eval_every=1, num_overlays=0),
    )  # fmt: skip
    jaxseg.train(config, workdir)
    return workdir, config


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_a_run_starts_from_weights_for_other_channels(run, channels):
    """Only the kernel that reads the image changes."""
    workdir, config = run
    loaded = jaxseg.open_run(workdir)
    model = build_model(config, 7)
    image = np.zeros((1, 32, 32, channels), np.float32)
    fresh = model.init(jax.random.key(1), image, train=False)

    class State:
        params = fresh["params"]
        batch_stats = fresh.get("batch_stats", {})
        ema = None

        def replace(self, **changes):
            return changes

    found = pretrained.initialized(State(), workdir, channels=channels)["params"]
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
