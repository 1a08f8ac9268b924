"""Weights for BGR images, in a library whose images are RGB."""

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxseg import create_model, open_run
from jaxseg.runs.image_input import for_rgb, rgb_variables
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.input_channels import adapt_kernel_hwio
from jaxseg.weights.translate.model_card import Card, Normalization

RUN = Path(__file__).parents[1] / "golden" / "unet"


def filled(model, channels=3):
    draw = np.random.default_rng(0)
    shapes = variable_shapes(model, channels)
    return jax.tree.map(lambda s: draw.normal(size=s.shape).astype(s.dtype), shapes)


def test_rgb_images_give_what_bgr_images_gave():
    model = create_model("unet", 3, width=4, depth=1)  # three classes: still one kernel
    variables = filled(model)
    image = np.random.default_rng(1).normal(size=(1, 16, 16, 3)).astype(np.float32)
    normalization = Normalization((0.1, 0.2, 0.3), (1.0, 2.0, 4.0), order="BGR")
    rgb = for_rgb(normalization)
    assert rgb == Normalization((0.3, 0.2, 0.1), (4.0, 2.0, 1.0), order="RGB")

    def logits(variables, image, told):
        scaled = (image - np.float32(told.mean)) / np.float32(told.std)
        return model.apply(variables, scaled, train=False)["logits"]

    expected = logits(variables, image[..., ::-1], normalization)
    found = logits(rgb_variables(variables, "BGR", 3), image, rgb)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert rgb_variables(variables, "RGB", 3) is variables


def test_repeated_channels_are_rgb_where_they_were_bgr():
    """Channel i of the adapted kernel reads color i % 3, of the network for BGR."""
    kernel = np.arange(3.0).reshape(1, 1, 3, 1)  # blue, green, red
    adapted = {"a": {"kernel": adapt_kernel_hwio(kernel, 5)}}
    found = rgb_variables(adapted, "BGR", 5, adapted=True)["a"]["kernel"]
    np.testing.assert_allclose(found.ravel(), np.array([2, 1, 0, 2, 1]) * 3 / 5)
    with pytest.raises(ValueError, match="weights for BGR images are invalid"):
        rgb_variables(adapted, "BGR", 5)


def test_gray_images_have_no_order():
    variables = filled(create_model("unet", 2, width=4, depth=1), channels=1)
    assert rgb_variables(variables, "BGR", 1) is variables


def test_a_network_with_two_first_convolutions_is_refused():
    variables = {"params": {"a": {"kernel": np.ones((3, 3, 3, 4))}}}
    variables["params"]["b"] = variables["params"]["a"]
    with pytest.raises(ValueError, match="found params/a/kernel, params/b/kernel"):
        rgb_variables(variables, "BGR", 3)
    with pytest.raises(ValueError, match="found none\\."):
        rgb_variables({"params": {"kernel": np.ones((1, 1, 4, 4))}}, "BGR", 3)


def test_a_run_whose_card_says_bgr_is_refused(tmp_path):
    run = shutil.copytree(RUN, tmp_path / "run")
    card = Card("unet", 3, {}, "a.pth", "", "mmsegmentation", "", Normalization())
    card.write(run)
    open_run(run)
    bgr = Normalization(order="BGR")
    Card("unet", 3, {}, "a.pth", "", "mmsegmentation", "", bgr).write(run)
    with pytest.raises(ValueError, match=r"order='BGR' is invalid: .* a\.pth again"):
        open_run(run)
