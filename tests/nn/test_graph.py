"""GloRe, GCU and GINet units against NumPy written from the equations."""

import functools

import jax
import numpy as np
import pytest

from jaxseg.nn.graph import GloReUnit, GraphUnit
from jaxseg.nn.graph_interaction import GraphInteraction
from jaxseg.nn.word_vectors import random_words, read_words


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def compiled(module, variables, *inputs):
    return module.apply(variables, *inputs, train=False)


def run(module, variables, *inputs):
    """The output of a block in evaluation as NumPy arrays, computed by one program."""
    return jax.device_get(compiled(module, variables, *inputs))


def setup(module, *inputs, seed=1):
    shapes = jax.eval_shape(
        lambda *x: module.init(jax.random.key(0), *x, train=False), *inputs
    )
    random = np.random.default_rng(seed)

    def value(path, leaf):
        spread = random.normal(0, 0.5, leaf.shape)
        positive = path[-1].key == "var"
        return np.float32(np.abs(spread) + 0.5 if positive else spread)

    return jax.tree_util.tree_map_with_path(value, shapes)


def linear(params, x):
    kernel = params["kernel"]
    kernel = kernel[0, 0] if kernel.ndim == 4 else kernel
    return x @ kernel + params.get("bias", 0)


def normed(variables, name, x, epsilon=1e-5):
    p, s = variables["params"][name], variables["batch_stats"][name]
    return (x - s["mean"]) / np.sqrt(s["var"] + epsilon) * p["scale"] + p["bias"]


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def relu(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize(("normalize", "relu_last"), [(False, False), (True, True)])
def test_glore_equals_its_equation(normalize, relu_last):
    x = draw((2, 3, 4, 6))
    module = GloReUnit(5, 3, normalize, relu_last)
    variables = setup(module, x)
    v, got = variables, run(module, variables, x)
    p = v["params"]
    for b in range(2):
        flat = x[b].reshape(-1, 6)
        state, assign = linear(p["state"], flat), linear(p["assign"], flat)
        nodes = np.zeros((3, 5))
        for n in range(12):
            nodes += np.outer(assign[n], state[n]) / (12 if normalize else 1)
        mix = p["mix"]["linear"]
        mixed = mix["kernel"].T @ nodes + mix["bias"][:, None] + nodes
        if relu_last:
            nodes = relu(linear(p["update"], mixed))
        else:
            nodes = linear(p["update"], relu(mixed))
        y = linear(p["extend"], assign @ nodes)
        want = flat + normed(v, "norm", y, 1e-4)
        np.testing.assert_allclose(got[b].reshape(-1, 6), want, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_glore_identity_and_pixel_order():
    x, order = draw((1, 4, 4, 6)), np.random.default_rng(0).permutation(16)
    module = GloReUnit(4, 3)

    @jax.jit
    def started(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return module.apply(variables, x, train=False)

    np.testing.assert_array_equal(started(x), x)
    variables = setup(module, x)
    shuffle = lambda y: y.reshape(1, 16, 6)[:, order].reshape(1, 4, 4, 6)
    np.testing.assert_allclose(
        run(module, variables, shuffle(x)),
        shuffle(run(module, variables, x)),
        atol=1e-4,
    )


def test_glore_normalized_does_not_see_the_image_size():
    """The same image tiled twice: equal outputs with division by N, not without."""
    x = draw((1, 4, 4, 6))
    tiled = np.concatenate([x, x], axis=2)
    for normalize, same in ((True, True), (False, False)):
        module = GloReUnit(4, 3, normalize)
        variables = setup(module, x)
        one = run(module, variables, x)
        two = run(module, variables, tiled)[:, :, :4]
        assert np.allclose(one, two, atol=1e-4) == same


def test_graph_unit_equals_its_equation():
    x = draw((2, 3, 4, 5))
    module = GraphUnit(vertices=3, features=4)
    variables = setup(module, x)
    v, got = variables, run(module, variables, x)
    p = v["params"]
    scale = 1 / (1 + np.exp(-p["scale"]))
    for b in range(2):
        flat = x[b].reshape(-1, 5)
        residual = (flat[:, None] - p["anchor"][None]) / scale[None]
        assign = softmax(-(residual**2).sum(-1) / 2)
        mean = (assign[..., None] * residual).sum(0) / assign.sum(0)[:, None]
        nodes = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
        out = normed(v, "norm", (nodes @ nodes.T) @ nodes @ p["graph"]["kernel"])
        want = assign @ relu(out)
        np.testing.assert_allclose(got[b].reshape(-1, 4), want, rtol=1e-3, atol=1e-4)


def interaction(x, words, v, *, convolve, paddle):
    """GINet's equations for one image."""
    p = v["params"]
    flat = x.reshape(-1, x.shape[-1])
    assign, state = linear(p["assign"], flat), linear(p["state"], flat)
    visual = assign.T @ state / len(flat)
    if convolve:
        graphs = []
        for nodes, name in ((visual, "visual"), (words, "word")):
            mix = p[f"{name}_mix"]["linear"]
            mixed = nodes + mix["kernel"].T @ nodes + mix["bias"][:, None]
            graphs.append(linear(p[f"{name}_update"], relu(mixed)))
        visual, words = graphs
    energy = linear(p["key"], visual) @ linear(p["query"], words).T
    to_visual = softmax(energy, 1) @ linear(p["word_value"], words)
    to_words = softmax(energy, 0).T @ linear(p["visual_value"], visual)
    beta_p, beta_s = p["beta_visual"][:, None], p["beta_word"][:, None]
    out = visual + beta_p * to_visual
    said = beta_s * words + to_words if paddle else words + beta_s * to_words
    y = flat + normed(v, "norm", linear(p["extend"], assign @ out))
    return y.reshape(x.shape), said


@pytest.mark.parametrize("convolve", [False, True])
@pytest.mark.parametrize("message", ["paper", "paddle"])
def test_graph_interaction_equals_its_equation(convolve, message):
    x, words = draw((2, 3, 4, 6)), draw((1, 5, 4), 1)
    module = GraphInteraction(3, 4, convolve, message)
    variables = setup(module, x, words)
    got, said = run(module, variables, x, words)
    options = {"convolve": convolve, "paddle": message == "paddle"}
    for b in range(2):
        want, told = interaction(x[b], words[0], variables, **options)
        np.testing.assert_allclose(got[b], want, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(said[b], told, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_graph_interaction_without_betas_keeps_the_class_states():
    x, words = draw((1, 3, 4, 6)), draw((1, 5, 4), 1)
    module = GraphInteraction(3, 4, graph_convolution=False)
    variables = setup(module, x, words)
    zero = {
        "beta_visual": np.zeros(3, np.float32),
        "beta_word": np.zeros(5, np.float32),
    }
    variables = {**variables, "params": {**variables["params"], **zero}}
    _, said = run(module, variables, x, words)
    np.testing.assert_allclose(said, words, atol=1e-6)
    with pytest.raises(ValueError, match="class_message"):
        setup(GraphInteraction(3, 4, True, "none"), x, words)


def test_words(tmp_path):
    vectors = random_words(19)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert np.abs(vectors @ vectors.T - np.eye(19)).max() < 0.3
    np.testing.assert_array_equal(vectors, random_words(19))
    path = tmp_path / "glove.txt"
    path.write_text("traffic 1 2\nlight 3 4\nroad 5 6\nthe 0 0\n")
    got = read_words(str(path), ("Road", "traffic-light"))
    np.testing.assert_array_equal(got, [[5, 6], [2, 3]])
    with pytest.raises(ValueError, match="bus"):
        read_words(str(path), ("road", "bus"))
