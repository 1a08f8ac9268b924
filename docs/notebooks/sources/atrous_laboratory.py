# %% [markdown]
# # An atrous laboratory
#
# At the end of this notebook you know, for a stack of atrous convolutions of your own,
# which pixels it reads, whether its rates leave holes, how far it sees in theory and in
# practice, and what it costs. You also have rates that jaxseg has proposed for a given
# receptive field. Nothing is trained. The cells take about 8 seconds of CPU time.
# %%
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from IPython.display import Image

import jaxseg
from jaxseg import analysis
from jaxseg.viz import charts

# %% [markdown]
# ## Rates and gridding
#
# An atrous convolution with rate *r* reads pixels that are *r* apart. It enlarges the
# receptive field without more weights, but layers whose rates have a common divisor, or
# grow too quickly, leave holes: pixels inside the field of an output that this output
# does not read. This is called gridding. `gridding_of` computes it exactly, from the
# rates alone.
# %%
for rates in ((2, 2, 2), (1, 2, 5), (1, 2, 9), (3, 6, 12)):
    found = analysis.gridding_of(rates)
    holes = "none" if found.hole_free else f"up to {found.gap} wide"
    print(
        f"{rates!s:12} field {found.field:2}, reads {found.coverage:6.1%} of it, "
        f"holes: {holes}"
    )


# %% [markdown]
# The path count of a pixel is the number of ways in which it reaches an output. Where
# it is 0, the pixel has no influence. The stack 2, 2, 2 reads every second pixel; the
# stack 1, 2, 5, which is as deep and as expensive, reads all of them.
# %%
def paths(rates):
    counts = analysis.path_counts(rates).astype(float)
    square = np.outer(counts, counts)
    return np.where(square > 0, square, np.nan)  # Holes are gray.


maps = [
    charts.HeatMap(paths(rates), charts.Axis("paths", log=True), title=f"rates {rates}")
    for rates in ((2, 2, 2), (1, 2, 5))
]
Image(charts.png(maps, charts.Layout(columns=2, width=4.5)), width=720)
# %% [markdown]
# ## Which rates reach far enough?
#
# Say that an output must see 129 pixels of the image, on a map of 33 x 33 cells at
# output stride 8. `recommend` lists stacks without holes. Among stacks of equal depth,
# the most even one comes first, which reads the pixels of its field about equally
# often. `valid` is the share of kernel positions that fall onto the map and not onto
# its padding: if a rate is as large as the map, a 3x3 kernel degenerates to a 1x1
# kernel.
# %%
for plan in analysis.recommend(129, size=33, output_stride=8)[:4]:
    print(
        f"{plan.rates!s:16} sees {plan.field} pixels, "
        f"evenness {plan.evenness:.2f}, valid {plan.valid:.2f}"
    )


# %% [markdown]
# ## A function of your own
#
# The analysis does not need a network of jaxseg. It takes any function that JAX can
# trace. This one is written with `jax.lax` only: a stride of 4, then three atrous
# layers with the rates that you choose, with random weights and ReLU.
# %%
def random_weights(rates, seed=0, width=8):
    """Returns kernels [3, 3, inputs, width]: one for the stride, one for each rate."""
    keys = jax.random.split(jax.random.key(seed), len(rates) + 1)
    inputs = [3] + [width] * len(rates)
    return [
        jax.random.normal(key, (3, 3, count, width)) * (2 / (9 * count)) ** 0.5
        for key, count in zip(keys, inputs, strict=True)
    ]


def conv(x, kernel, stride, rate):
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "SAME",
        rhs_dilation=(rate, rate),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def stack(image, weights, rates):
    """Maps images [B, H, W, 3] to maps [B, H / 4, W / 4, width]."""
    x = jax.nn.relu(conv(image, weights[0], 4, 1))
    for rate, kernel in zip(rates, weights[1:], strict=True):
        x = jax.nn.relu(conv(x, kernel, 1, rate))
    return x


weights = {rates: random_weights(rates) for rates in ((2, 2, 2), (1, 2, 5))}
mine = {
    rates: partial(stack, weights=kernels, rates=rates)
    for rates, kernels in weights.items()
}
image = jax.ShapeDtypeStruct((1, 128, 128, 3), jnp.float32)
# %% [markdown]
# `reach` follows every image row and column through the traced program, so the result
# is exact and no gradient is needed. The layers after the stride see every fourth pixel
# group, so the holes of 2, 2, 2 are holes of several image pixels.
# %%
for rates, function in mine.items():
    along = analysis.extent(analysis.reach(function, image).rows)
    print(
        f"{rates!s:10} field {along.size} pixels, reads {along.touched} of them, "
        f"neighboring outputs are {along.jump:g} pixels apart"
    )
# %% [markdown]
# The same number follows by hand from a list of layers:
# %%
layers = [analysis.Layer(3, stride=4), *(analysis.Layer(3, rate=r) for r in (1, 2, 5))]
print([field.size for field in analysis.stages(layers)])
# %% [markdown]
# ## How far does it see in practice?
#
# The theoretical field says which pixels can change an output. The effective field says
# how much they do: it is the squared gradient of one output, averaged over images. It
# is strongest in the middle, so its area is smaller than that of the theoretical field.
# %% short: number = 2
number = 40
# %%
images = jax.random.normal(jax.random.key(1), (number, 128, 128, 3))
fields = {r: analysis.effective_field(f, images) for r, f in mine.items()}
for rates, found in fields.items():
    along = analysis.extent(analysis.reach(mine[rates], image).rows)
    share = analysis.effective_share(found, (along.size, along.size))
    sigma = analysis.gaussian_fit(found).sigma
    print(
        f"{rates!s:10} standard deviation {sigma[0]:.1f} pixels, "
        f"effective area {share:.1%} of the theoretical one"
    )
# %%
maps = [
    charts.HeatMap(
        found[24:108, 24:108],
        charts.Axis("squared gradient", log=True),
        title=f"rates {rates}",
    )
    for rates, found in fields.items()
]
Image(charts.png(maps, charts.Layout(columns=2, width=4.5)), width=720)
# %% [markdown]
# ## What does it cost?
#
# Rates change what a stack sees, not what it costs. A larger kernel with the same field
# would cost far more. `count_cost` counts the arithmetic of a traced function, and
# `peak_memory` estimates the memory that it needs at once in addition to its arguments.
# Neither runs the function. The weights are arguments here, because products with
# constants are counted separately.
# %%
for rates, kernels in weights.items():
    function = partial(stack, rates=rates)
    cost = analysis.count_cost(function, image, kernels)
    memory = analysis.peak_memory(function, image, kernels)
    print(f"{rates!s:10} {cost.flops / 1e6:.1f} MFLOPs, {memory.peak / 2**10:.0f} KiB")
# %% [markdown]
# ## The same questions for a published network
#
# All functions also take networks of jaxseg. DeepLab v3 keeps the map at stride 8 or
# 16. Rates replace the strides that it drops, so that the kernels of later layers cover
# the same distance in the image. The finer map costs about three times as much.
# %% short: size = 65
size = 257


# %%
def measured(stride):
    """Returns the cost and the memory of DeepLab v3 at an output stride."""
    model = jaxseg.create_model("deeplabv3_resnet50", 21, output_stride=stride)
    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)

    def init(key, image):
        return model.init(key, image, train=False)

    def forward(image, variables):
        return model.apply(variables, image, train=False)["logits"]

    inputs = image, jax.eval_shape(init, jax.random.key(0), image)
    return analysis.count_cost(forward, *inputs), analysis.peak_memory(forward, *inputs)


for stride in (16, 8):
    cost, memory = measured(stride)
    print(
        f"output stride {stride:2}: {cost.flops / 1e9:5.1f} GFLOPs, "
        f"peak memory {memory.peak / 2**20:4.0f} MiB"
    )
# %% [markdown]
# On the command line, `jaxseg lab` answers the same questions and writes a page for
# each; [Studying atrous rates](../start/atrous.md) shows it. [The reference of
# `jaxseg.analysis`](../reference/analysis.md) lists all functions.
