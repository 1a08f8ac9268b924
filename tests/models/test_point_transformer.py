"""Point Transformer: counts, padding, order of the points, attention by its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.models.point_transformer import keep, largest, level_of
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.vector_attention import VectorAttention, neighbor_softmax
from jaxseg.ops.points import nearest

NARROW = {"widths": (8, 16, 24), "blocks": (1, 1, 1), "neighbors": (4, 6, 6)}


def filled(model, inputs, seed=0):
    """Variables of the right shapes, none of them trivial."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        if path[-1].key == "kernel":
            return random.normal(0, np.sqrt(2 / leaf.shape[0]), leaf.shape)
        if path[-1].key in ("scale", "var"):
            return random.uniform(0.7, 1.3, leaf.shape)
        return random.normal(0, 0.1, leaf.shape)

    drawn = jax.tree_util.tree_map_with_path(draw, shapes)
    return jax.tree.map(lambda x: x.astype(np.float32), drawn)


@pytest.fixture(scope="module")
def narrow():
    """A narrow network, its variables, and its compiled evaluation and training."""
    model = create_model("point_transformer", 5, **NARROW)
    shape = jax.ShapeDtypeStruct((1, 64, 3), jnp.float32)
    variables = filled(model, (shape, shape))
    apply = jax.jit(lambda *inputs: model.apply(variables, *inputs)["logits"])
    infer = lambda *inputs: np.asarray(apply(*inputs))

    @jax.jit
    def compiled(*inputs):
        outputs, updated = model.apply(
            variables, *inputs, train=True, mutable=["batch_stats"]
        )
        return outputs["logits"], updated["batch_stats"]

    return infer, lambda *inputs: jax.device_get(compiled(*inputs))


def clouds(count, *, batch=2, seed=0):
    random = np.random.default_rng(seed)
    points = random.uniform(0, 3, (batch, count, 3)).astype(np.float32)
    return points, random.random((batch, count, 3), np.float32)


def pad(size, count, points, feature, fill=7.0):
    """Clouds of `count` points in arrays of `size`, the rest at `fill`."""
    more = ((0, 0), (0, size - count), (0, 0))
    mask = np.broadcast_to(np.arange(size) < count, (len(points), size))
    arrays = [np.pad(x, more, constant_values=fill) for x in (points, feature)]
    return (*arrays, np.array(mask))


@pytest.mark.parametrize(
    ("blocks", "count"),
    [
        pytest.param((1, 2, 2, 2, 2), 6_658_857, marks=pytest.mark.sweep),
        ((1, 1, 1, 1, 1), 4_854_145),
    ],
)
def test_counts_of_the_shallower_networks_and_their_blocks(blocks, count):
    """2 C^2 without bias, three C x C with, theta, gamma with C/8, five norms."""
    model = create_model("point_transformer", 13, blocks=blocks)
    shapes = jax.eval_shape(model.init, jax.random.key(0), *model.example_inputs())
    size_of = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree))
    assert size_of(shapes["params"]) == count
    found = [size_of(shapes["params"][f"encoder{i}_block1"]) for i in range(1, 6)]
    assert found == [5_778, 22_066, 86_226, 340_882, 1_355_538]


@pytest.mark.slow
def test_logits_do_not_depend_on_the_padding(narrow):
    infer, _ = narrow
    points, feature = clouds(75)
    plain = infer(points, feature, np.ones((2, 75), bool))
    assert np.abs(plain).max() > 0.1
    for fill in (7.0, -1e3):
        padded = infer(*pad(140, 75, points, feature, fill))
        np.testing.assert_allclose(padded[:, :75], plain, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_statistics_of_training_leave_padding_out(narrow):
    _, learn = narrow
    points, feature = clouds(75)
    plain, stats = learn(*pad(75, 75, points, feature))
    padded, padded_stats = learn(*pad(140, 75, points, feature, 50.0))
    np.testing.assert_allclose(padded[:, :75], plain, rtol=1e-4, atol=1e-4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        padded_stats,
        stats,
    )


@pytest.mark.slow
def test_ragged_clouds_of_one_batch_stand_alone(narrow):
    infer, _ = narrow
    points, feature = clouds(75, batch=1)
    shorter = pad(75, 41, points[:, :41], feature[:, :41])
    both = [
        np.concatenate(pair)
        for pair in zip(pad(75, 75, points, feature), shorter, strict=True)
    ]
    together = infer(*both)
    alone = pad(75, 41, points[:, :41], feature[:, :41], fill=-3.0)
    alone = infer(*(x.repeat(2, axis=0) for x in alone))
    np.testing.assert_allclose(together[1, :41], alone[0, :41], rtol=1e-5, atol=1e-5)


def test_a_permutation_of_the_points_permutes_the_logits(narrow):
    infer, _ = narrow
    inputs = pad(140, 75, *clouds(75))
    order = np.random.default_rng(3).permutation(140)
    moved = infer(*(x[:, order] for x in inputs))
    there = inputs[2][0, order]
    expected = infer(*inputs)[:, order]
    np.testing.assert_allclose(
        moved[:, there], expected[:, there], rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_the_smallest_clouds_pass_and_empty_ones_are_finite(narrow):
    infer, learn = narrow
    for count in (0, 1, 2, 5):
        inputs = pad(75, count, *clouds(count))
        assert np.isfinite(infer(*inputs)).all()
        logits, stats = learn(*inputs)
        assert np.isfinite(logits).all()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(stats))


def test_one_of_four_points_is_kept():
    mask = np.arange(22)[None] < np.array([22, 9, 3, 0])[:, None]
    points, _ = clouds(22, batch=4)
    kept, left = keep(points, mask, 4, "outermost")
    assert kept.shape == (4, 5)
    assert left.sum(1).tolist() == [5, 2, 1, 0]


def test_the_maximum_is_over_valid_neighbors_and_moves_one_of_them():
    y = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    valid = np.random.default_rng(1).random((2, 3, 4)) < 0.6
    valid[0, 0] = False
    found = largest(y, valid)
    np.testing.assert_array_equal(found, np.where(valid[..., None], y, 0).max(2))
    moved = jax.grad(lambda y: largest(y, valid).sum())(y)
    hit = (y == np.asarray(found)[:, :, None]) & valid[..., None]
    np.testing.assert_array_equal(moved, hit)


def attention_by_definition(params, points, x, index, groups):
    """The formula for one cloud, neighbor by neighbor; normalization left out."""
    linear = lambda name, v: v @ params[name]["kernel"] + params[name]["bias"]
    relu = lambda v: np.maximum(v, 0)
    query, key, value = (linear(n, x) for n in ("query", "key", "value"))
    out = np.zeros_like(x)
    for i, neighbors in enumerate(index):
        delta = linear("position_in", points[neighbors] - points[i])
        delta = linear("position_out", relu(delta))
        score = linear("score_in", relu(key[neighbors] - query[i] + delta))
        score = linear("score_out", relu(score))
        weight = np.exp(score - score.max(0))
        weight = np.tile(weight / weight.sum(0), (1, groups))
        out[i] = (weight * (value[neighbors] + delta)).sum(0)
    return out


@pytest.fixture(scope="module")
def attention():
    """A layer without normalization, its inputs and parameters."""
    layer = VectorAttention(groups=4, style=BlockConfig(norm="none"))
    points, _ = clouds(30, batch=1)
    x = np.random.default_rng(1).normal(size=(1, 30, 8)).astype(np.float32)
    index, squared = nearest(points, points, 5)
    rest = (index, np.isfinite(squared), np.ones((1, 30), bool))
    shapes = jax.eval_shape(
        lambda k: layer.init(k, points, x, *rest, train=False), jax.random.key(0)
    )
    random = np.random.default_rng(2)
    params = jax.tree.map(
        lambda s: random.normal(0, 0.5, s.shape).astype(np.float32), shapes
    )["params"]
    apply = lambda params, points, x: layer.apply(
        {"params": params}, points, x, *rest, train=False
    )
    return jax.jit(apply), params, points, x, np.asarray(index)


@pytest.mark.slow
def test_attention_by_definition(attention):
    apply, params, points, x, index = attention
    expected = attention_by_definition(params, points[0], x[0], index[0], 4)
    found = np.asarray(apply(params, points, x))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_attention_does_not_see_where_the_cloud_is(attention):
    apply, params, points, x, _ = attention
    moved = apply(params, points + np.float32([4, -2, 8]), x)
    np.testing.assert_allclose(moved, apply(params, points, x), rtol=1e-3, atol=1e-4)


def test_equal_features_and_no_position_give_the_value(attention):
    apply, params, points, x, _ = attention
    zero = jax.tree.map(np.zeros_like, params["position_out"])
    same = np.broadcast_to(x[:, :1], x.shape)
    found = apply({**params, "position_out": zero}, points, same)
    value = same @ params["value"]["kernel"] + params["value"]["bias"]
    np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


def test_weights_sum_to_one_over_the_neighbors_there_are():
    score = np.random.default_rng(0).normal(size=(1, 2, 4, 3)).astype(np.float32)
    valid = np.array([[[True, True, False, True], [False] * 4]])
    weight = np.asarray(neighbor_softmax(score, valid))
    np.testing.assert_allclose(weight[0, 0].sum(0), 1, rtol=1e-6)
    assert not weight[0, 0, 2].any() and not weight[0, 1].any()


def test_a_level_joins_each_point_to_itself_first():
    points, _ = clouds(12)
    level = level_of(points, np.ones((2, 12), bool), 3)
    np.testing.assert_array_equal(
        level.index[..., 0], np.broadcast_to(np.arange(12), (2, 12))
    )


def test_refusals():
    with pytest.raises(ValueError, match=r"widths=\(8, 16\), blocks=\(1,\)"):
        create_model("point_transformer", 3, widths=(8, 16), blocks=(1,))
    points, feature = clouds(16)
    model = create_model("point_transformer", 3, **NARROW, groups=5)
    with pytest.raises(ValueError, match=r"groups=5 is invalid: .* the 8 channels"):
        jax.eval_shape(model.init, jax.random.key(0), points, feature)
    style = BlockConfig(batch_groups=2)
    model = create_model("point_transformer", 3, **NARROW, style=style)
    with pytest.raises(ValueError, match="batch_groups=2 is invalid: expected 1"):
        jax.eval_shape(
            lambda k: model.init(k, points, feature, train=True), jax.random.key(0)
        )
