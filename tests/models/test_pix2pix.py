"""pix2pix: patches, normalization at batch size 1, dropout at test time, sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.models.pix2pix import PatchGAN, pix2pix

TINY = {"depth": 4, "width": 4, "layers": 1}


def shapes(module, *inputs, **options):
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    inputs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in inputs]
    run = lambda k, *x: module.init_with_output(k, *x, train=False, **options)
    return jax.eval_shape(run, key, *inputs)


def size_of(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
    ("layers", "count", "side"),
    [
        (0, 9_024, 256),  # 448 + 64*128 + 256 + 128
        (1, 139_585, 127 - 1),  # 6,208 + 131,328 + 2,049
        (3, 2_768_705, 30),
        (5, 11_159_361, 6),  # the first six layers of 8, 16, ... and 2 * 4,195,328
    ],
)
def test_discriminators_of_the_paper(layers, count, side):
    pair = (1, 256, 256, 3), (1, 256, 256, 3)
    out, variables = shapes(PatchGAN(layers), *pair)
    assert out.shape == (1, side, side)
    assert size_of(variables["params"]) == count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "field"), [(0, 1), (1, 16), (2, 34), (3, 70), (5, 286)]
)
def test_an_output_sees_exactly_one_patch(layers, field):
    """Where the gradient of one inner output is not zero."""
    side = max(32, 2 * field)
    net = PatchGAN(layers, width=2, instance=False)
    _, like = shapes(net, (1, side, side, 1), (1, side, side, 1))
    random = np.random.default_rng(0)
    draw = lambda leaf: random.uniform(0.1, 1.0, leaf.shape).astype(np.float32)
    variables = jax.tree.map(draw, like)
    picture = random.normal(size=(1, side, side, 1)).astype(np.float32)

    def middle(picture):
        judged = net.apply(variables, picture, picture, train=False)
        return judged[0, judged.shape[1] // 2, judged.shape[2] // 2]

    support = np.asarray(jax.jit(jax.grad(middle))(picture))[0, :, :, 0] != 0
    rows, columns = np.flatnonzero(support.any(1)), np.flatnonzero(support.any(0))
    assert len(rows) == np.ptp(rows) + 1 == field
    assert len(columns) == np.ptp(columns) + 1 == field
    assert support[np.ix_(rows, columns)].all()
    assert rows[0] > 0 and rows[-1] < side - 1  # not cut by the border


def test_a_picture_smaller_than_a_discriminator_takes_is_named():
    with pytest.raises(
        ValueError, match=r"\(95, 200\) is invalid: .* 96 pixels for layers=5"
    ):
        shapes(PatchGAN(5, 2), (1, 95, 200, 1), (1, 95, 200, 1))
    shapes(PatchGAN(5, 2), (1, 96, 200, 1), (1, 96, 200, 1))


@pytest.mark.parametrize(("name", "side"), [("256", 256), ("128", 128)])
def test_the_innermost_map_is_one_pixel_without_normalization(name, side):
    model = create_model(f"pix2pix_unet{name}", 3)
    image = jax.ShapeDtypeStruct((1, side, side, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    variables = jax.eval_shape(lambda k, x: model.init(k, x, train=False), key, image)
    run = lambda v, x: model.apply(
        v, x, capture_intermediates=True, mutable=["intermediates"]
    )
    maps = jax.eval_shape(run, variables, image)[1]["intermediates"]["generator"]
    depth = model.generator.depth
    assert maps[f"down{depth}"]["__call__"][0].shape == (1, 1, 1, 512)
    names = set(variables["params"]["generator"])
    normalized = {name for name in names if name.endswith("_norm")}
    inner = [f"down{i}_norm" for i in range(2, depth)]
    outer = [f"up{i}_norm" for i in range(2, depth + 1)]
    assert normalized == {*inner, *outer}
    assert {n for n in names if "bias" in variables["params"]["generator"][n]} == {
        "up1"
    }


@pytest.fixture
def pair(fill):
    """The same parameters, normalizing each image or the batch; and two images."""
    alone = pix2pix(3, dropped=0, **TINY)
    batch = pix2pix(3, dropped=0, instance=False, **TINY)
    image = np.random.default_rng(1).normal(size=(2, 32, 48, 3)).astype(np.float32)
    return alone, batch, fill(batch, (1, 32, 48, 3)), image


@functools.partial(jax.jit, static_argnames=("model", "train"))
def run(model, variables, image, *, train=False, rngs=None):
    options = {"train": train, "rngs": rngs, "mutable": ["batch_stats"]}
    return model.apply(variables, image, **options)[0]["logits"]


def test_batch_norm_of_one_image_is_the_normalization_of_each(pair):
    """The paper trains and tests with batches of one."""
    alone, batch, variables, image = pair
    assert jax.tree.structure(variables["params"]) == jax.tree.structure(
        jax.eval_shape(lambda: alone.init(jax.random.key(0), image))["params"]
    )
    own = {"params": variables["params"]}
    each = np.asarray(run(alone, own, image))
    for i in range(2):
        one = run(batch, variables, image[i : i + 1], train=True)
        np.testing.assert_allclose(each[i : i + 1], one, rtol=1e-3, atol=1e-4)
    both = np.asarray(run(batch, variables, image, train=True))
    assert np.abs(both - each).max() > 0.01
    # and in training as at test
    np.testing.assert_array_equal(each, run(alone, own, image, train=True))


def test_dropout_at_test_time_is_an_option(fill):
    image = np.random.default_rng(1).normal(size=(1, 32, 32, 3)).astype(np.float32)
    model = pix2pix(3, dropped=1, **TINY)
    variables = fill(model, image.shape)

    def draw(seed):
        rngs = {"dropout": jax.random.key(seed)}
        return np.asarray(run(model, variables, image, rngs=rngs))

    np.testing.assert_array_equal(draw(0), draw(0))
    assert np.abs(draw(0) - draw(1)).max() > 1e-3
    plain = run(model, variables, image)
    np.testing.assert_array_equal(plain, run(model, variables, image))
    none = pix2pix(3, dropped=0, **TINY)
    key = {"dropout": jax.random.key(0)}
    np.testing.assert_array_equal(run(none, variables, image, rngs=key), plain)


def test_directions_turn_channels_round():
    to_photo = pix2pix(7, direction="labels_to_photo", **TINY)
    (image,) = to_photo.example_inputs()
    out, variables = shapes(to_photo, image.shape)
    assert image.shape[-1] == 7 and out["logits"].shape == (1, 64, 64, 3)
    assert variables["params"]["discriminator"]["conv1"]["kernel"].shape[2] == 10
    to_labels, _ = shapes(pix2pix(7, **TINY), (1, 20, 30, 3))
    assert to_labels["logits"].shape == (1, 20, 30, 7)
    assert to_labels["logits"].dtype == jnp.float32
    with pytest.raises(ValueError, match="direction='sideways' is invalid"):
        pix2pix(7, direction="sideways")
