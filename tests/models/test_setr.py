"""SETR: tokens, position embedding, taps and decoders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.backbones.vit import ViT, resize_position
from jaxseg.models.setr import vit_trunk

SMALL = {"depth": 3, "width": 12, "heads": 2, "patch": 8, "image_size": (16, 24)}


def image(height=16, width=24, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(1, height, width, 3)).astype(np.float32)


def test_token_count_and_any_size(fill):
    model = ViT(**SMALL, taps=(0, 2))
    variables = fill(model, (1, 16, 24, 3))
    assert variables["params"]["position"].shape == (1, 1 + 2 * 3, 12)
    pyramid = jax.eval_shape(model.apply, variables, image(33, 17))
    assert {k: v.shape for k, v in pyramid.items()} == {
        "layer0": (1, 5, 3, 12),
        "layer2": (1, 5, 3, 12),
    }


def test_without_branches_all_layers_are_equal(fill):
    """Attention's and the MLP's last matrices at zero: x passes unchanged."""
    model = ViT(**SMALL, taps=(0, 1, 2))
    variables = fill(model, (1, 16, 24, 3))
    zero = jax.tree_util.tree_map_with_path(
        lambda path, x: x * 0 if {"out", "mlp_2"} & {key.key for key in path} else x,
        variables["params"],
    )
    apply = jax.jit(model.apply)
    got = jax.device_get(apply({"params": zero}, image()))
    np.testing.assert_array_equal(got["layer0"], got["layer2"])
    full = jax.device_get(apply({"params": variables["params"]}, image()))
    assert np.abs(full["layer0"] - full["layer2"]).max() > 0.1


def test_position_embedding_resize():
    """Same grid: untouched; another: class token kept, constants and mean slope kept."""
    resized = jax.jit(resize_position, static_argnums=(1, 2))
    position = np.random.default_rng(0).normal(size=(1, 7, 4)).astype(np.float32)
    assert resize_position(position, (2, 3), (2, 3)) is position
    bigger = np.asarray(resized(position, (2, 3), (4, 5)))
    assert bigger.shape == (1, 21, 4)
    np.testing.assert_array_equal(bigger[:, 0], position[:, 0])
    flat = resized(np.ones((1, 7, 4), np.float32), (2, 3), (5, 2))
    np.testing.assert_allclose(flat, 1, rtol=1e-6)
    line = np.array([0.0, 0.0, 1.0], np.float32).reshape(1, 3, 1)
    got = np.asarray(resized(line, (1, 2), (1, 4)))[0, 1:, 0]
    np.testing.assert_allclose(got, [0, 0.25, 0.75, 1], atol=1e-6)


def test_without_positions_patches_permute_tokens(fill):
    model = ViT(**SMALL, taps=(2,))
    variables = fill(model, (1, 16, 24, 3))
    params = {**variables["params"]}
    params["position"] = params["position"] * 0
    swapped = np.concatenate([image()[:, :, 8:16], image()[:, :, :8]], axis=2)
    swapped = np.concatenate([swapped, image()[:, :, 16:]], axis=2)
    apply = jax.jit(model.apply)
    run = lambda params, x: np.asarray(apply({"params": params}, x)["layer2"])
    plain, got = run(params, image()), run(params, swapped)
    np.testing.assert_allclose(got, plain[:, :, [1, 0, 2]], atol=1e-5)
    moved = run(variables["params"], swapped)
    kept = run(variables["params"], image())
    assert np.abs(moved - kept[:, :, [1, 0, 2]]).max() > 1e-3


def test_class_token_acts_only_where_it_is_kept(fill):
    for dropped in (False, True):
        model = ViT(**SMALL, taps=(2,), drop_class_token=dropped)
        variables = fill(model, (1, 16, 24, 3))
        params = {**variables["params"]}
        params["class_token"] = params["class_token"] + np.arange(12, dtype=np.float32)
        apply = jax.jit(model.apply)
        before = np.asarray(apply(variables, image())["layer2"])
        after = np.asarray(apply({"params": params}, image())["layer2"])
        assert bool(np.abs(after - before).max() > 1e-4) != dropped


@pytest.mark.parametrize(
    ("decoder", "taps", "aux"),
    [
        ("naive", (9, 14, 19, 23), (9, 14, 19)),
        ("pup", (9, 14, 19, 23), (9, 14, 19, 23)),
        ("mla", (5, 11, 17, 23), ()),
    ],
)
def test_taps_of_the_large_trunk(decoder, taps, aux):
    backbone, found = vit_trunk(decoder)
    assert (backbone.taps, found) == (taps, aux)
    assert backbone.drop_class_token == (decoder == "mla")


@pytest.mark.parametrize(("decoder", "factor"), [("naive", 1), ("pup", 8), ("mla", 4)])
def test_decoder_grid(decoder, factor):
    """Logits lie on 1, 8 and 4 times the token grid before the last resize."""
    options = {"depth": 4, "width": 16, "heads": 2, "features": 4}
    model = create_model(f"setr_{decoder}_vitl16", 3, image_size=(32, 32), **options)

    def grid(variables, image):
        bound = model.bind(variables)
        features = bound.backbone(image, train=False)
        if bound.neck is not None:
            features = bound.neck(features, train=False)
        return bound.head(features, train=False)

    shape = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(lambda x: model.init(jax.random.key(0), x), shape)
    assert jax.eval_shape(grid, variables, shape).shape == (
        1,
        2 * factor,
        2 * factor,
        3,
    )


def test_errors():
    with pytest.raises(ValueError, match="trunk"):
        vit_trunk("naive", trunk="vitx")
    with pytest.raises(ValueError, match="variant"):
        create_model("setr_pup_vitb16", 3, variant="other")
    for field, value in (("taps", (3,)), ("image_size", (20, 24)), ("heads", 5)):
        model = ViT(**{**SMALL, "taps": (2,), field: value})
        with pytest.raises(ValueError, match=field):
            jax.eval_shape(lambda m=model: m.init(jax.random.key(0), image()))
