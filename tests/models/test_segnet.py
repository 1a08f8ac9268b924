"""SegNet: published sizes, exact unpooling positions, dropout places."""

import functools

import jax
import numpy as np
import pytest
from flax.errors import InvalidRngError

from jaxseg.models.deconvnet import Bottleneck, deconvnet
from jaxseg.models.segnet import (
    CENTRAL_FOUR,
    CENTRAL_SIX,
    SegNet,
    bayesian_segnet,
    bayesian_segnet_basic,
    segnet,
    segnet_basic,
)
from jaxseg.nn.block_config import BlockConfig

PLAIN = BlockConfig(norm="none")


def output_sizes(model, size):
    """Height and width that every named layer gives, without computing."""
    image = jax.ShapeDtypeStruct((1, *size, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    run = lambda k, x: model.init_with_output(
        k, x, capture_intermediates=True, mutable=True
    )
    _, collections = jax.eval_shape(run, key, image)
    layers = collections["intermediates"]
    return {
        name: value["__call__"][0].shape[1:3]
        for name, value in layers.items()
        if isinstance(value, dict)
    }


def test_sizes_of_camvid_frames():
    """Ceil pooling: 23x30 and 12x15 where floor pooling gives 22x30 and 11x15."""
    sizes = output_sizes(segnet(11, width=2), (360, 480))
    want = {1: (360, 480), 2: (180, 240), 3: (90, 120), 4: (45, 60), 5: (23, 30)}
    for level, size in want.items():
        assert sizes[f"enc{level}_1"] == size
        if level > 1:
            assert sizes[f"dec{level}_1"] == size
    basic = output_sizes(segnet_basic(11, width=2), (360, 480))
    assert [basic[f"dec{i}"] for i in (4, 3, 2, 1)] == [
        (45, 60),
        (90, 120),
        (180, 240),
        (360, 480),
    ]


def bright(places, size):
    """One image per place, black but for that pixel."""
    images = np.zeros((len(places), *size, 3), np.float32)
    for image, (row, column) in zip(images, places, strict=True):
        image[row, column, 0] = 1
    return images


def pass_through(model, shape):
    """Every convolution passes channel 0 on; no normalization."""
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    image = jax.ShapeDtypeStruct(shape, np.float32)
    shapes = jax.eval_shape(lambda k, x: model.init(k, x), key, image)

    def draw(leaf):
        value = np.zeros(leaf.shape, np.float32)
        if value.ndim == 4:
            value[leaf.shape[0] // 2, leaf.shape[1] // 2, 0, 0] = 1
        return value

    return jax.tree.map(draw, shapes)


@pytest.mark.parametrize("size", [(32, 32), (45, 51)])
def test_a_bright_pixel_comes_back_to_its_place(size):
    """Through five poolings and unpoolings, even and odd maps."""
    model = segnet(1, width=1, repeats=(1, 1, 1, 1, 1), style=PLAIN)
    places = [(0, 0), (size[0] - 1, size[1] - 1), (17, 30), (30, 5), (31, 31)]
    images = bright(places, size)
    logits = jax.jit(model.apply)(pass_through(model, images.shape), images)["logits"]
    np.testing.assert_allclose(logits, images[..., :1], atol=1e-6)


def test_deconvnet_keeps_places_too():
    """fc6 and its deconvolution pass the cells 3 ... n - 4 of a map of n cells on."""
    model = deconvnet(1, width=1, fc_width=1, repeats=(1, 1, 1, 1, 1), style=PLAIN)
    size = (9 * 32 - 5, 9 * 32)
    inside, outside = [(96, 191), (101, 100), (191, 130)], [(95, 100), (100, 192)]
    images = bright(inside + outside, size)
    logits = jax.jit(model.apply)(pass_through(model, images.shape), images)["logits"]
    want = images[..., :1].copy()
    want[len(inside) :] = 0
    np.testing.assert_allclose(logits, want, atol=1e-6)


def test_bottleneck_of_one_pixel_is_the_sliding_one(fill):
    """fc6's deconvolution from one pixel, as a product, equals the sliding form."""
    block = Bottleneck(3, 4)
    x = np.random.default_rng(0).normal(size=(2, 7, 14, 5)).astype(np.float32)
    shapes = jax.eval_shape(lambda x: block.init(jax.random.key(0), x, train=False), x)
    random = np.random.default_rng(1)
    draw = lambda leaf: random.uniform(0.1, 0.5, leaf.shape).astype(np.float32)
    variables = jax.tree.map(draw, shapes)
    run = jax.jit(lambda v, x: block.apply(v, x, train=False))
    small = np.asarray(run(variables, x[:, :, :7]))
    assert small.shape == (2, 7, 7, 3)
    # A wide map: its first seven columns also hold what later pixels spread to them,
    # except the first column, which only the first bottleneck pixel reaches.
    wide = np.asarray(run(variables, x))
    np.testing.assert_allclose(wide[:, :, 0], small[:, :, 0], rtol=1e-4)
    assert np.abs(wide[:, :, 1] - small[:, :, 1]).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "places"),
    [(bayesian_segnet, CENTRAL_SIX), (bayesian_segnet_basic, CENTRAL_FOUR)],
)
def test_dropout_is_on_exactly_where_and_when_it_should_be(make, places, fill):
    x = np.random.default_rng(0).normal(size=(1, 32, 48, 3)).astype(np.float32)
    model = make(3, width=4)
    assert model.drop_at == places
    variables = fill(model, x.shape)
    run = jax.jit(lambda v, x, k: model.apply(v, x, rngs={"dropout": k}))
    first, again, other = (
        run(variables, x, jax.random.key(seed))["logits"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    still = jax.jit(model.apply)(variables, x)["logits"]  # no rng: deterministic
    plain = segnet(3, width=4) if make is bayesian_segnet else segnet_basic(3, width=4)
    np.testing.assert_allclose(
        jax.jit(plain.apply)(variables, x)["logits"], still, atol=1e-5
    )


@pytest.mark.slow
def test_training_without_an_rng_is_an_error(fill):
    model = bayesian_segnet(2, width=2)
    image = np.zeros((1, 32, 32, 3), np.float32)
    variables = fill(model, image.shape)
    learn = functools.partial(model.apply, train=True, mutable=["batch_stats"])
    with pytest.raises(InvalidRngError):
        jax.eval_shape(learn, variables, image)


def test_unknown_places_are_named():
    model = SegNet(2, drop_at=("enc3", "enc9"))
    with pytest.raises(ValueError, match="enc9"):
        output_sizes(model, (32, 32))


def test_contrast_normalization_needs_three_channels():
    gray = jax.ShapeDtypeStruct((1, 16, 16, 1), np.float32)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="3 channels, but it has 1"):
        jax.eval_shape(segnet_basic(2, width=2).init, key, gray)
    with pytest.raises(ValueError, match="contrast='lcn'"):
        jax.eval_shape(segnet_basic(2, width=2, contrast="lcn").init, key, gray)


def test_contrast_normalization_acts_on_raw_values():
    """A mid-gray image is divided by about (1 + 1e-4 / 5 * 3 * 128^2) ** 0.75."""
    gray = np.full((1, 1, 1, 3), 128 / 255, np.float32)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    image = ((gray - mean) / std).astype(np.float32)
    model = segnet_basic(2)
    got = jax.jit(lambda x: model.bind({}).normalize_contrast(x))(image)
    want = 128 / (1 + 1e-4 / 5 * 3 * 128**2) ** 0.75
    np.testing.assert_allclose(got, want, rtol=1e-5)
