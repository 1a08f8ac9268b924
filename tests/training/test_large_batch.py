"""LAMB, LARS and layer-wise decay against a second implementation in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxseg
from jaxseg.config import OptimConfig
from jaxseg.training.optim import learning_rate
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.optim.layer_decay import multipliers

STEPS = 4


def parameters():
    random = np.random.default_rng(0)
    return {
        "backbone": {
            "conv": {"kernel": random.normal(0, 2, (3, 3, 2, 4)), "bias": np.ones(4)},
            "norm": {"scale": random.uniform(0.5, 2, 4)},
        },
        "head": {"kernel": random.normal(0, 0.1, (4, 2))},
    }


def gradients(step):
    random = np.random.default_rng(step + 1)
    return jax.tree.map(lambda p: random.normal(0, 0.3, p.shape), parameters())


def trained(config):
    """Parameters after some steps whose gradients are given."""
    tx, _ = optim.build(config, STEPS)
    single = lambda tree: jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), tree)

    @jax.jit
    def run(params):
        state = tx.init(params)
        for step in range(STEPS):
            updates, state = tx.update(single(gradients(step)), state, params)
            params = optax.apply_updates(params, updates)
        return params

    return run(single(parameters()))


def by_hand(rule, rate):
    """The same one array at a time in float64; rule(p, g, memory, step, rate) -> p."""
    steps = [jax.tree.leaves(gradients(step)) for step in range(STEPS)]
    leaves, form = jax.tree.flatten(parameters())
    for i, p in enumerate(leaves):
        memory = {}
        for step in range(STEPS):
            p = rule(p, steps[step][i], memory, step, rate(step))
        leaves[i] = p
    return jax.tree.unflatten(form, leaves)


def close(got, wanted):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=3e-5), got, wanted
    )


def lamb(p, g, memory, step, rate, decay=0.1, b1=0.8, b2=0.999, eps=1e-6):
    """Algorithm 2 of arXiv 1904.00962, phi the identity; vectors take Adam's step."""
    memory["m"] = b1 * memory.get("m", 0) + (1 - b1) * g
    memory["v"] = b2 * memory.get("v", 0) + (1 - b2) * g**2
    m, v = memory["m"] / (1 - b1 ** (step + 1)), memory["v"] / (1 - b2 ** (step + 1))
    r = m / (np.sqrt(v) + eps)
    if p.ndim == 1:
        return p - rate * r
    u = r + decay * p
    return p - rate * np.linalg.norm(p) / np.linalg.norm(u) * u


def lars(p, g, memory, step, rate, decay=0.1, momentum=0.9, trust=0.02):
    """Algorithm 1 of arXiv 1708.03888: the momentum holds the learning rates."""
    local = 1.0
    if p.ndim > 1:
        g = g + decay * p
        local = trust * np.linalg.norm(p) / np.linalg.norm(g)
    memory["v"] = momentum * memory.get("v", 0) + rate * local * g
    return p - memory["v"]


def linear(step):
    return 0.5 * (1 - step / STEPS)


@pytest.mark.parametrize("rule", [lamb, lars])
def test_four_steps(rule):
    config = OptimConfig(
        name=rule.__name__,
        learning_rate=0.5,
        poly_power=1.0,
        weight_decay=0.1,
        beta1=0.8,
        trust_coefficient=0.02,
    )
    got, wanted = trained(config), by_hand(rule, linear)
    close(got, wanted)
    shift = np.abs(wanted["head"]["kernel"] - parameters()["head"]["kernel"]).max()
    assert shift > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lamb", "lars"])
def test_frozen_parameters_stay_and_groups_scale(name):
    plain = OptimConfig(name=name, learning_rate=0.1, schedule="constant")
    frozen = OptimConfig(
        name=name,
        learning_rate=0.1,
        schedule="constant",
        freeze=("backbone/.*",),
        decay_mask="all",
        weight_decay=0.5,
    )
    start = jax.tree.map(np.float32, parameters())
    jax.tree.map(
        np.testing.assert_array_equal, trained(frozen)["backbone"], start["backbone"]
    )
    tx, _ = optim.build(plain, 1)
    grouped = OptimConfig(
        name=name,
        learning_rate=0.1,
        schedule="constant",
        lr_multipliers=(("head/.*", 3.0),),
    )
    other, _ = optim.build(grouped, 1)
    g = jax.tree.map(np.float32, gradients(0))
    updates = jax.jit(lambda g, p: [t.update(g, t.init(p), p)[0] for t in (tx, other)])
    once, thrice = jax.device_get(updates(g, start))
    np.testing.assert_allclose(
        thrice["head"]["kernel"], 3 * once["head"]["kernel"], rtol=1e-5
    )
    jax.tree.map(np.testing.assert_array_equal, thrice["backbone"], once["backbone"])


def test_the_rate_follows_the_batch():
    """Goyal et al.: 0.1 for 256 images, so 3.2 for 8192, warm-up and all."""
    options = {"name": "sgd", "learning_rate": 0.1, "schedule": "cosine"}
    options |= {"final_learning_rate": 0.001, "warmup_steps": 5}
    plain = learning_rate.schedule(OptimConfig(**options), 20)
    scaled = OptimConfig(**options, base_batch_size=256)
    _, rate = optim.build(scaled, 20, batch_size=8192)
    for step in (0, 7, 20):
        np.testing.assert_allclose(rate(step), 32 * plain(step), rtol=1e-6)
    root = OptimConfig(**options, base_batch_size=256, batch_scaling="sqrt")
    _, rate = optim.build(root, 20, batch_size=4096)
    np.testing.assert_allclose(rate(7), 4 * plain(7), rtol=1e-6)
    assert learning_rate.scale_rate(OptimConfig(), None) == OptimConfig()


def factors(*names):
    """Multipliers of a backbone's modules at decay 1/2, as powers of it."""
    params = {
        "backbone": {name: {"kernel": np.zeros(1)} for name in names},
        "head": {"kernel": np.zeros(1)},
    }
    found = multipliers(params, 0.5)
    assert found["head"]["kernel"] == 1
    return {name: -np.log2(part["kernel"]) for name, part in found["backbone"].items()}


def test_a_transformer_decays_as_in_beit():
    """12 blocks: block i has power 12 - i, the embedding 13, the last norm 0."""
    got = factors(
        *(f"layer{i}" for i in range(12)), "patch", "position", "class_token", "norm"
    )
    wanted = {f"layer{i}": 12 - i for i in range(12)}
    assert got == wanted | {"patch": 13, "position": 13, "class_token": 13, "norm": 0}


def test_units_are_ordered_by_their_numbers():
    resnet = factors(
        "stem", "layer1_0", "layer1_1", "layer2_0", "layer3_10", "layer3_9"
    )
    wanted = {"layer3_10": 1, "layer3_9": 2, "layer2_0": 3, "layer1_1": 4}
    assert resnet == wanted | {"layer1_0": 5, "stem": 6}
    xception = factors("entry1", "exit1", "exit2", "middle2", "middle1", "root1")
    wanted = {"exit2": 1, "exit1": 2, "middle2": 3, "middle1": 4, "entry1": 5}
    assert xception == wanted | {"root1": 6}
    dense = factors("block1_2", "transition1", "block2_1", "block1_1")
    assert dense == {"block2_1": 1, "transition1": 2, "block1_2": 3, "block1_1": 4}
    inception = factors("conv3", "inception3b", "inception3a", "inception4a")
    wanted = {"inception4a": 1, "inception3b": 2, "inception3a": 3, "conv3": 4}
    assert inception == wanted


def shapes(name, **options):
    model = jaxseg.create_model(name, 3, **options)
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    init = lambda key, x: model.init(key, x, train=False)["params"]
    return jax.eval_shape(init, jax.random.key(0), image)


@pytest.mark.slow
def test_real_networks():
    vit = multipliers(shapes("setr_mla_vitb16"), 0.75)
    for name, power in (("layer0", 12), ("layer11", 1), ("patch", 13)):
        for factor in jax.tree.leaves(vit["backbone"][name]):
            assert factor == pytest.approx(0.75**power), name
    assert set(jax.tree.leaves(vit["neck"])) == {1.0}
    resnet = multipliers(shapes("fcn_resnet50"), 0.9)
    conv = resnet["backbone"]["layer2_3"]["conv1"]["conv"]["kernel"]
    assert conv == pytest.approx(0.9 ** (16 - 6))
    assert set(jax.tree.leaves(resnet["aux_head"])) == {1.0}
    with pytest.raises(
        ValueError, match=r"the 'backbone' has no numbered blocks.*trunk"
    ):
        multipliers(shapes("unet"), 0.9)


def test_layer_decay_scales_the_update():
    names = ("stem", "layer1_0", "layer2_0")
    params = {
        "backbone": {name: {"kernel": jnp.ones((2, 2))} for name in names},
        "head": {"kernel": jnp.ones((2, 2))},
    }
    config = OptimConfig(
        name="sgd",
        learning_rate=1.0,
        schedule="constant",
        weight_decay=0.0,
        layer_decay=0.5,
        lr_multipliers=(("backbone/layer1_.*", 3.0),),
    )
    tx, _ = optim.build(config, 1)
    updates, _ = tx.update(params, tx.init(params), params)
    got = jax.tree.map(lambda u: float(u[0, 0]), updates)
    assert got["head"]["kernel"] == -1
    assert [got["backbone"][n]["kernel"] for n in names] == [-0.125, -0.75, -0.5]
    for decay in (0.0, 1.5):
        with pytest.raises(
            ValueError, match=f"layer_decay={decay} is invalid: expected 0 <"
        ):
            multipliers(params, decay)
