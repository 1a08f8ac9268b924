"""U-Net: sizes of the unpadded form, its tiling, and odd maps of the padded one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.models.unet import UPSAMPLING, UNetTrunk, pad_to, unet
from jaxseg.models.unet_fcn import unet_fcn
from jaxseg.models.unet_resnet import unet_resnet
from jaxseg.models.unet_valid import mirror, unet_valid, valid_sizes


def output_shape(model, shape):
    image = jax.ShapeDtypeStruct(shape, np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    outputs, _ = jax.eval_shape(lambda k, x: model.init_with_output(k, x), key, image)
    return outputs["logits"].shape[1:3]


@pytest.mark.parametrize(("side", "out"), [(188, 4), (252, 68), (572, 388), (700, 516)])
def test_published_sizes(side, out):
    model = unet_valid(2, width=1, pad="none")
    assert output_shape(model, (1, side, 572, 1)) == (out, 388)
    assert valid_sizes(out) == (side, out)


@pytest.mark.slow
def test_only_sides_of_16k_plus_12_fit():
    model = unet_valid(2, width=1, pad="none")
    fitting = []
    for side in range(170, 260):
        try:
            output_shape(model, (1, side, 572, 1))
            fitting.append(side)
        except ValueError as error:
            assert f"side={side} is invalid" in str(error)
    assert fitting == [16 * k + 12 for k in range(11, 16)]


@pytest.mark.parametrize("size", [(1, 1), (5, 64), (388, 389)])
def test_mirroring_covers_any_image(size):
    assert output_shape(unet_valid(2, width=1), (1, *size, 1)) == size


def test_mirrored_border_is_the_images_own():
    image = np.arange(20 * 30, dtype=np.float32).reshape(1, 20, 30, 1)
    padded = np.asarray(mirror(jnp.asarray(image), 4))[0, :, :, 0]
    assert padded.shape == (204, 220)  # whose outputs are 20 and 36 pixels
    np.testing.assert_array_equal(padded[92:112, 92:122], image[0, :, :, 0])
    assert padded[91, 92] == image[0, 1, 0, 0]
    assert padded[92, 91] == image[0, 0, 1, 0]
    np.testing.assert_array_equal(padded[92 - 19, 92:122], image[0, 19, :, 0])


def test_overlapping_tiles_give_the_whole(fill):
    """Unpadded: a tile's result does not know of the rest of the image."""
    model = unet_valid(2, width=2, pad="none")
    random = np.random.default_rng(0)
    image = random.normal(size=(1, 204, 188, 1)).astype(np.float32)
    variables = fill(model, (1, 188, 188, 1))
    run = jax.jit(lambda x: jax.jit(model.apply)(variables, x)["logits"])
    whole = run(image)
    np.testing.assert_allclose(run(image[:, :188]), whole[:, :4], atol=1e-5)
    np.testing.assert_allclose(run(image[:, 16:]), whole[:, 16:], atol=1e-5)


@pytest.mark.parametrize("up", UPSAMPLING)
def test_trunk_widths_and_odd_sizes(up):
    trunk = UNetTrunk(8, 3, up)
    image = jax.ShapeDtypeStruct((1, 45, 22, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    maps, _ = jax.eval_shape(
        lambda k, x: trunk.init_with_output(k, x, train=False), key, image
    )
    half = 2 if up == "bilinear" else 1
    assert [m.shape[1:] for m in maps] == [
        (5, 2, 64 // half),
        (11, 5, 32 // half),
        (22, 11, 16 // half),
        (45, 22, 8),
    ]


@pytest.mark.parametrize(
    ("up", "kernel"),
    [
        ("transposed", (2, 2, 8, 4)),
        ("resize_conv", (3, 3, 8, 4)),
        ("sub_pixel", (3, 3, 8, 16)),
    ],
)
def test_kernels_that_halve_the_channels(up, kernel):
    image = jax.ShapeDtypeStruct((1, 8, 8, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    params = jax.eval_shape(unet(2, width=4, depth=1, up=up).init, key, image)["params"]
    (found,) = (
        leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(params["trunk"]["up0"])
        if path[0].key == "up" and path[-1].key == "kernel"
    )
    assert found == kernel


def test_padding_puts_the_odd_row_last():
    padded = pad_to(jnp.ones((1, 2, 3, 1)), (5, 4))[0, :, :, 0]
    want = np.zeros((5, 4))
    want[1:3, :3] = 1
    np.testing.assert_array_equal(padded, want)


def test_too_small_and_unknown_are_named():
    with pytest.raises(ValueError, match="at least 16"):
        output_shape(unet(2, width=1), (1, 15, 40, 3))
    with pytest.raises(ValueError, match="up='nearest'"):
        output_shape(unet(2, width=1, up="nearest"), (1, 32, 32, 3))
    with pytest.raises(ValueError, match="pad='same'"):
        output_shape(unet_valid(2, width=1, pad="same"), (1, 32, 32, 1))
    with pytest.raises(ValueError, match="features="):
        output_shape(unet_resnet(2, width=4, features=(8, 8)), (1, 32, 32, 3))


def test_dropout_at_the_end_of_the_contracting_path(fill):
    model = unet_valid(2, width=2)
    x = np.random.default_rng(0).normal(size=(1, 20, 20, 1)).astype(np.float32)
    variables = fill(model, x.shape)
    run = jax.jit(lambda k: model.apply(variables, x, train=True, rngs={"dropout": k}))
    first, second = (run(jax.random.key(seed))["logits"] for seed in (0, 1))
    still = jax.jit(model.apply)(variables, x)["logits"]
    assert np.abs(first - second).max() > 1e-3
    assert np.abs(first - still).max() > 1e-3


def test_auxiliary_head_reads_the_map_of_stride_two(fill):
    model = unet_fcn(2, width=2)
    x = np.random.default_rng(0).normal(size=(1, 32, 48, 3)).astype(np.float32)
    variables = fill(model, x.shape)
    heads = variables["params"]
    assert heads["aux_head"]["conv"]["conv"]["kernel"].shape == (3, 3, 4, 2)
    assert heads["head"]["conv"]["conv"]["kernel"].shape == (3, 3, 2, 2)
    apply = jax.jit(model.apply)
    outputs = apply(variables, x)
    changed = jax.tree.map(lambda leaf: leaf, variables)
    changed["params"]["trunk"]["up0"] = jax.tree.map(
        lambda leaf: 2 * leaf, heads["trunk"]["up0"]
    )
    again = apply(changed, x)
    assert np.abs(outputs["logits"] - again["logits"]).max() > 0.1
    np.testing.assert_array_equal(outputs["aux"], again["aux"])
