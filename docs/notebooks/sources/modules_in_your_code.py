# %% [markdown]
# # Modules of jaxseg in nnx, Haiku-style and bare JAX code
#
# At the end of this notebook you have one module of jaxseg, `ASPP`, inside four
# programs: in linen, in nnx, in a pair of functions `init` and `apply` as Haiku uses
# it, and in plain JAX with arrays in a list. All four compute equal outputs from the
# same weights, and the nnx program also trains. The cells take about 42 seconds of CPU
# time.
# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import jaxseg
from jaxseg.nn import ASPP

# %% [markdown]
# ## Linen
#
# Modules of jaxseg are linen modules. `ASPP` applies atrous convolutions of several
# rates side by side and joins their results. Blocks with batch normalization take the
# keyword `train`, because it uses other statistics in training. The result of `init`
# has two collections: `params`, which the optimizer changes, and `batch_stats`, the
# running statistics.
# %%
block = ASPP(features=16, rates=(2, 4, 6))
features = jax.random.normal(jax.random.key(1), (2, 17, 17, 8))
variables = block.init(jax.random.key(0), features, train=False)

# Fresh statistics are 0 and 1, which would hide a mistake. Random ones do not.
keys = iter(jax.random.split(jax.random.key(2), 100))
variables["batch_stats"] = jax.tree.map(
    lambda leaf: leaf + 0.3 * jax.random.uniform(next(keys), leaf.shape),
    variables["batch_stats"],
)

expected = block.apply(variables, features, train=False)
print("output", expected.shape, "collections", sorted(variables))
print("parameters", sum(leaf.size for leaf in jax.tree.leaves(variables["params"])))


# %% [markdown]
# ## nnx
#
# `jaxseg.nnx.from_linen` makes an nnx module from a linen module and its variables. The
# module has the same two trees as attributes. Their leaves are `nnx.Param` and
# `nnx.BatchStat`, by which the functions of nnx select them.
# %%
module = jaxseg.nnx.from_linen(block, variables)
in_nnx = module(features)
print("largest difference", float(jnp.abs(in_nnx - expected).max()))
print(
    "parameters",
    sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))),
)
# %% [markdown]
# Such a module is a part of a larger nnx module like any other. Here it stands between
# two convolutions of nnx, and `nnx.Optimizer` trains the three of them. With
# `train=True`, the running statistics change in place, and dropout draws from the
# random streams that the module was given.
# %% short: steps = 2
steps = 60


# %%
class Segmenter(nnx.Module):
    """A small network of nnx with a block of jaxseg in its middle."""

    def __init__(self, *, rngs):
        self.stem = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)
        aspp = ASPP(16, rates=(2, 4, 6))
        fresh = aspp.init(rngs.params(), jnp.zeros((1, 16, 16, 8)), train=False)
        self.context = jaxseg.nnx.from_linen(aspp, fresh, rngs=rngs)
        self.classifier = nnx.Conv(16, 2, (1, 1), rngs=rngs)

    def __call__(self, image, *, train):
        context = self.context(nnx.relu(self.stem(image)), train=train)
        logits = self.classifier(context)
        return jax.image.resize(logits, (*image.shape[:3], 2), "bilinear")


rng = np.random.default_rng(0)
images = rng.uniform(size=(16, 32, 32, 3)).astype(np.float32)
centers = rng.integers(8, 24, (16, 2))
rows, columns = np.mgrid[:32, :32]
discs = (rows - centers[:, :1, None]) ** 2 + (columns - centers[:, 1:, None]) ** 2 < 49
images[discs] *= 0.4  # A dark disc in each image is the object.

network = Segmenter(rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(network, optax.adam(1e-2), wrt=nnx.Param)


@nnx.jit
def step(network, optimizer):
    def loss(network):
        logits = network(images, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(
            logits, discs.astype(int)
        ).mean()

    value, gradients = nnx.value_and_grad(loss)(network)
    optimizer.update(network, gradients)
    return value


losses = [float(step(network, optimizer)) for _ in range(steps)]
labels = network(images, train=False).argmax(-1)
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
print(f"pixels with the right class: {float((labels == discs).mean()):.1%}")


# %% [markdown]
# A whole network is created by its name, as with `jaxseg.create_model`. It returns a
# dictionary, whose entry "logits" has the size of the image. With `graph=False`,
# `nnx.jit` returns only arrays that change; otherwise it copies all weights in each
# call.
# %%
unet = jaxseg.nnx.create_model("unet", 2, rngs=nnx.Rngs(0), width=8, depth=3)
forward = nnx.jit(lambda network, image: network(image)["logits"], graph=False)
print("logits", forward(unet, images).shape)


# %% [markdown]
# ## In the style of Haiku
#
# `hk.transform_with_state` turns a function into two pure functions: `init(key, inputs)
# -> (params, state)` and `apply(params, state, key, inputs) -> (outputs, state)`. A
# linen module has the same two functions under other names, so a few lines translate
# between them. Haiku is not needed for that, and jaxseg does not depend on it; a
# program that is written against this pair of functions runs unchanged.
#
# The key goes to dropout, and only in training: in evaluation, a key named "dropout"
# would turn on Monte Carlo dropout.
# %%
def as_transformed(linen_module, *, train):
    """Returns functions with the signatures of `hk.transform_with_state`."""

    def init(key, inputs):
        variables = linen_module.init(key, inputs, train=train)
        return variables["params"], variables["batch_stats"]

    def apply(params, state, key, inputs):
        outputs, new = linen_module.apply(
            {"params": params, "batch_stats": state},
            inputs,
            train=train,
            mutable=["batch_stats"],
            rngs={"dropout": key} if train else {},
        )
        return outputs, new["batch_stats"]

    return init, apply


init, apply = as_transformed(block, train=False)
params, state = variables["params"], variables["batch_stats"]
in_haiku_style, new_state = apply(params, state, jax.random.key(0), features)
print("largest difference", float(jnp.abs(in_haiku_style - expected).max()))

_, train_apply = as_transformed(block, train=True)
_, moved = train_apply(params, state, jax.random.key(0), features)
change = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state, moved)
print(
    "in training, the statistics move by up to", round(max(jax.tree.leaves(change)), 3)
)
# %% [markdown]
# ## Bare JAX
#
# Without any library for networks, weights are a list of arrays. `jax.tree.flatten`
# makes this list, and the structure that it returns turns the list back into the tree
# that `apply` takes. All of it works under `jax.jit`, `jax.vmap` and `jax.grad`.
# %%
weights, structure = jax.tree.flatten(variables)
print(len(weights), "arrays, the first of shape", weights[0].shape)


@jax.jit
def forward(weights, features):
    return block.apply(jax.tree.unflatten(structure, weights), features, train=False)


in_bare_jax = forward(weights, features)
print("largest difference", float(jnp.abs(in_bare_jax - expected).max()))

gradients = jax.grad(lambda w: (forward(w, features) ** 2).mean())(weights)
print(
    "gradients for",
    len(gradients),
    "arrays, all finite:",
    all(bool(jnp.isfinite(g).all()) for g in gradients),
)

one_by_one = jax.vmap(lambda f: forward(weights, f[None])[0])(features)
print(
    "vmap over images, largest difference", float(jnp.abs(one_by_one - expected).max())
)
# %% [markdown]
# ## All four agree
# %%
outputs = {"nnx": in_nnx, "Haiku style": in_haiku_style, "bare JAX": in_bare_jax}
for name, output in outputs.items():
    np.testing.assert_allclose(output, expected, atol=1e-5)
    print(f"{name:12} equals linen")
# %% [markdown]
# The same holds for whole networks from `jaxseg.create_model` and for
# `jaxseg.load_pretrained`, which returns a linen module and its variables.
# [Blocks](../guide/blocks.md) shows all blocks of `jaxseg.nn`.
