"""ResNet and VGG: exact counts, atrous consistency, gradients that reach everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.backbones.resnet import create_resnet, plan_units
from jaxseg.backbones.resnet_variant import SLIM
from jaxseg.backbones.vgg import VGG

COUNTS = {  # torchvision's and timm's trunks without the classifier
    (18, "7x7"): 11_176_512,
    (34, "7x7"): 21_284_672,
    (50, "7x7"): 23_508_032,
    (101, "7x7"): 42_500_160,
    (152, "7x7"): 58_143_808,
    (50, "c"): 23_527_264,
    (101, "d"): 42_519_392,
    (50, "beta"): 23_631_808,
    (101, "beta"): 42_623_936,
}


def count(model):
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)["params"]
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(("depth", "stem"), COUNTS)
def test_resnet_counts(depth, stem):
    assert count(create_resnet(depth, stem=stem)) == COUNTS[depth, stem]


def test_vgg_counts():
    assert count(VGG(16)) == 14_714_688
    assert count(VGG(19)) == 20_024_384
    assert count(VGG(16, batch_norm=True)) == 14_714_688 + 2 * 4224


def resnet(depth, blocks=(1, 1, 2, 2), **options):
    return create_resnet(depth, width=4, blocks=blocks, **options)


VARIANTS = {
    "basic": lambda os: resnet(18, output_stride=os),
    "bottleneck": lambda os: resnet(50, output_stride=os),
    "caffe": lambda os: resnet(50, output_stride=os, stride_in="conv1"),
    "slim": lambda os: resnet(
        50, (2, 2, 2, 2), output_stride=os, stride_in="last", stem="beta"
    ),
    "stem d": lambda os: resnet(50, output_stride=os, stem="d"),
    "multi-grid": lambda os: resnet(50, output_stride=os, multi_grid=(1, 2)),
    "vgg": lambda os: VGG(output_stride=os, ceil=True, channels=(4, 4, 6, 8, 8)),
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_atrous_consistency(variant, fill):
    """The dense network, subsampled, is the strided one (the deeplab2 unit test).

    The image is even in height and odd in width.
    """
    make = VARIANTS[variant]
    variables = fill(make(32), (1, 64, 64, 3))
    image = np.random.default_rng(1).normal(size=(1, 96, 129, 3)).astype(np.float32)

    @jax.jit
    def features(variables, image):
        return {os: make(os).apply(variables, image)["c5"] for os in (8, 16, 32)}

    found = jax.device_get(features(variables, image))
    strided = found[32]
    for output_stride in (16, 8):
        step = 32 // output_stride
        np.testing.assert_allclose(
            found[output_stride][:, ::step, ::step] / strided.std(),
            strided / strided.std(),
            atol=1e-4,
        )


def test_dilating_the_strided_convolution_is_inconsistent(fill):
    """The consistency test can fail: the new rate one layer too early breaks it."""
    variables = fill(resnet(50), (1, 64, 64, 3))
    image = np.random.default_rng(1).normal(size=(1, 97, 97, 3)).astype(np.float32)
    early = resnet(50, output_stride=16, multi_grid=(2, 1))
    both = jax.jit(lambda v, x: [m.apply(v, x)["c5"] for m in (early, resnet(50))])
    wrong, right = jax.device_get(both(variables, image))
    assert np.abs(wrong[:, ::2, ::2] - right).max() > 0.01 * right.std()


def test_multi_grid_and_rates_of_deeplab_v3():
    """Output stride 16 with grid (1, 2, 4) runs the last stage at 2, 4, 8 (section 4)."""
    last = plan_units((3, 4, 6, 3), 16, multi_grid=(1, 2, 4), variant=SLIM)[-1]
    assert [unit.rate for unit in last] == [2, 4, 8]
    dense = plan_units((3, 4, 6, 3), 8)
    assert [unit.stride for stage in dense for unit in stage].count(2) == 1
    assert [unit.rate for unit in dense[2]] == [2] * 6
    assert (dense[2][0].first_rate, dense[3][0].first_rate) == (1, 2)
    assert [unit.rate for unit in dense[3]] == [4] * 3


@pytest.mark.slow
def test_train_mode_updates_statistics_and_sends_gradients_everywhere(fill):
    model = resnet(50, output_stride=8, stem="d")
    variables = fill(model, (2, 65, 65, 3))
    image = np.random.default_rng(0).normal(size=(2, 65, 65, 3)).astype(np.float32)

    def loss(params):
        state = {**variables, "params": params}
        out, new = model.apply(state, image, train=True, mutable=["batch_stats"])
        return jnp.mean(out["c5"] ** 2) + jnp.mean(out["c2"] ** 2), new["batch_stats"]

    gradient = jax.jit(jax.grad(loss, has_aux=True))
    grads, stats = jax.device_get(gradient(variables["params"]))
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, path
    stem = jax.device_get(stats["stem"]["conv1"]["norm"])
    old = variables["batch_stats"]["stem"]["conv1"]["norm"]
    assert np.abs(stem["mean"] - 0.9 * old["mean"]).max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 51}, "depth=51 is invalid"),
        ({"output_stride": 12}, "output_stride=12 is invalid"),
        ({"stem": "e"}, "stem='e' is invalid"),
        (
            {"depth": 18, "stride_in": "last"},
            "stride_in='last' is invalid: .* bottlenecks",
        ),
        ({"stride_in": "last", "blocks": (2, 1, 2, 2)}, "at least two units"),
        ({"dense_pool": "far"}, "dense_pool='far' is invalid"),
    ],
)
def test_resnet_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        count(create_resnet(**{"depth": 50, **options}))
