"""Builds networks for `jaxseg lab`, provides their weights and analyzes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import analysis
from jaxseg.config import Config, ModelConfig
from jaxseg.lab.studied import StudiedNetwork, check_choice
from jaxseg.runs.directory import (
    CHANNELS,
    build_model,
    load_variables,
    read_config,
    read_spec,
)
from jaxseg.weights.model_variables import variable_shapes

# The sizes of the images from which fields are read.
HEIGHTS, WIDTH = (513, 1025, 2049, 4097), 257


def build(network: StudiedNetwork, **more: Any) -> nn.Module:
    """Builds the network that the options choose.

    It is built with `BlockConfig(impl="lax")`, so that every convolution is one `lax`
    convolution.

    Args:
      network: The options. If `workdir` is given, the options of its run apply as well.
      **more: Further options of the network.

    Raises:
      ValueError: If a name or an option is unknown, or the run has another network.
    """
    check_choice(network)
    options, classes = options_of(network.option) | more, network.classes
    backbone = None
    if network.workdir is not None:
        trained = read_config(network.workdir).model
        if trained.name != network.name:
            raise ValueError(
                f"name={network.name!r} is invalid: expected {trained.name!r}, the "
                f"network of {network.workdir}."
            )
        options, backbone = dict(trained.options) | options, trained.backbone
        classes = read_spec(network.workdir).num_classes
    style = {**options.pop("style", {}), "impl": "lax"}
    model = ModelConfig(network.name, {**options, "style": style}, backbone)
    config = Config(model)
    return build_model(config, classes)


def options_of(words: tuple[str, ...]) -> dict[str, Any]:
    """Parses options of a network from words of the form NAME=VALUE.

    For example, `("output_stride=8",)` becomes {"output_stride": 8}. A value that is
    not valid JSON is taken as a string.
    """
    found = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign:
            raise ValueError(f"option={word!r} is invalid: expected NAME=VALUE.")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
        if isinstance(found[key], list):
            found[key] = tuple(found[key])
    return found


def random_variables(model: nn.Module, seed: int) -> Any:
    """Returns random variables for a network; this is faster than `model.init`.

    Kernels are He-normal, biases are 0, and normalization layers are the identity.
    """
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        name = path[-1].key
        if name in ("scale", "var"):
            return np.ones(leaf.shape, leaf.dtype)
        if len(leaf.shape) < 2 or name != "kernel":
            return np.zeros(leaf.shape, leaf.dtype)
        spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
        return random.normal(0, spread, leaf.shape).astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, variable_shapes(model))


def weights_of(network: StudiedNetwork, model: nn.Module) -> dict[str, Any]:
    """Returns a dictionary from names to the weights of a network to analyze.

    The name "random" stands for random weights. If `network.workdir` is given, a name
    such as "step 1000" stands for the checkpoint of that run with the highest mean IoU.
    """
    found = {"random": random_variables(model, network.seed)}
    if network.workdir is not None:
        step, variables = load_variables(network.workdir, model)
        found[f"step {step}"] = variables
    return found


def noise(network: StudiedNetwork, count: int, size: tuple[int, int]) -> np.ndarray:
    """Returns images of Gaussian noise with variance 1, float32 [count, *size, C]."""
    random = np.random.default_rng(network.seed + 1)
    channels = CHANNELS if network.callable is None else network.channels
    return random.normal(size=(count, *size, channels)).astype(np.float32)


def fields_of(model: nn.Module, depth: int, height: int) -> dict[str, Any]:
    """Finds the image pixels on which the output of each module of a network depends.

    Args:
      model: The network.
      depth: The number of levels of nested modules to include.
      height: The height of the image in pixels.

    Returns:
      For each module, by its path, an object that states which rows and columns of the
      image each output row and column depends on (`jaxseg.analysis.Reach`).
    """

    def maps(image, variables):
        def wanted(module, method):
            return method == "__call__" and len(module.path) <= depth

        _, state = model.apply(
            variables,
            image,
            train=False,
            capture_intermediates=wanted,
            mutable=["intermediates"],
        )
        found = {}
        for path, leaf in jax.tree_util.tree_leaves_with_path(state["intermediates"]):
            names = [str(getattr(k, "key", "")) for k in path]
            name = "/".join(n for n in names if n not in ("", "__call__"))
            if len(leaf.shape) == 4 and leaf.shape[0] == 1:
                found[name] = leaf
        return found

    image = jax.ShapeDtypeStruct((1, height, WIDTH, CHANNELS), jnp.float32)
    return analysis.reach(maps, image, variable_shapes(model))


def extents_of(model: nn.Module, depth: int) -> tuple[dict[str, Any], Any]:
    """Finds the height of the receptive field of each module of a network.

    Images of increasing height are tried, see `extents_at`.

    Args:
      model: The network.
      depth: The number of levels of nested modules to include.

    Returns:
      Two dictionaries, whose keys are the paths of the modules. The first one contains
      the size of each receptive field along the height (`jaxseg.analysis.Extent`). The
      second one contains the image pixels on which the output of each module depends
      (`jaxseg.analysis.Reach`). Both hold for the last image that was tried.
    """
    return extents_at(lambda height: fields_of(model, depth, height))


def extents_at(
    fields: Callable[[int], dict[str, analysis.Reach]],
) -> tuple[dict[str, analysis.Extent], dict[str, analysis.Reach]]:
    """Finds the heights of receptive fields from images that are large enough.

    Image heights are tried in increasing order until the image contains every receptive
    field. A field that covers the whole image at two heights is assumed to be
    unlimited.

    Args:
      fields: Maps the height of an image to a dictionary from the name of each feature
        map to a `jaxseg.analysis.Reach`, which states on which rows and columns of the
        image each row and column of the map depends.

    Returns:
      A dictionary from the name of each map to the size of its receptive field along
      the height (`jaxseg.analysis.Extent`), and the result of `fields` at the last
      image height that was tried.
    """
    before: set[str] = set()
    for height in HEIGHTS:
        found = fields(height)
        extents = {name: analysis.extent(reach.rows) for name, reach in found.items()}
        cut = {name for name, e in extents.items() if e.clipped}
        if all(name in before and extents[name].whole for name in cut):
            break
        before = {name for name in cut if extents[name].whole}
    return extents, found


def theoretical(model: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """Returns the height and width of the receptive field of the logits in pixels.

    The network is traced with abstract arrays for an image of height and width `size`.
    A receptive field that exceeds the image is clipped to this size.
    """
    image = jax.ShapeDtypeStruct((1, *size, CHANNELS), jnp.float32)
    fn = lambda x, v: model.apply(v, x, train=False)["logits"]
    found = analysis.reach(fn, image, variable_shapes(model))
    return analysis.extent(found.rows).size, analysis.extent(found.columns).size


def field_cell(extent: analysis.Extent) -> str:
    """Formats the size of a receptive field in pixels, such as "427".

    The text is ">= 513" if the image of 513 pixels clips the field, and "all of 513" if
    the output depends on the whole image.
    """
    if not extent.clipped:
        return f"{extent.size:,}"
    return f"{'all of' if extent.whole else '>='} {extent.size:,}"


def costs_of(model: nn.Module, size: tuple[int, int]) -> list[analysis.LayerCost]:
    """Returns the numbers of operations, weights and activations of each layer.

    The numbers hold for one image, whose height and width are `size`.
    """
    image = jax.ShapeDtypeStruct((1, *size, CHANNELS), jnp.float32)
    fn = lambda x, v: model.apply(v, x, train=False)["logits"]
    return analysis.layer_costs(fn, image, variable_shapes(model))


def memory_of(
    model: nn.Module, size: tuple[int, int], *, train: bool = False
) -> analysis.PeakMemory:
    """Estimates the peak memory in bytes that a network needs for one image.

    Args:
      model: The network.
      size: Height and width of the image.
      train: True estimates the memory for computing the gradient of the mean squared
        logits in training mode. False estimates the memory for computing the logits.
    """
    image = jax.ShapeDtypeStruct((1, *size, CHANNELS), jnp.float32)
    shapes = variable_shapes(model)
    if not train:
        fn = lambda x, v: model.apply(v, x, train=False)["logits"]
        return analysis.peak_memory(fn, image, shapes)
    rest = {name: value for name, value in shapes.items() if name != "params"}

    def loss(params, rest, image):
        outputs, state = model.apply(
            {"params": params, **rest},
            image,
            train=True,
            mutable=list(rest),
            rngs={"dropout": jax.random.key(0)},
        )
        return (outputs["logits"] ** 2).mean(), state

    gradient = jax.grad(loss, has_aux=True)
    return analysis.peak_memory(gradient, shapes["params"], rest, image)


def features(model, variables):
    """Returns a function from an image to the last feature map (c5) of the backbone."""

    def fn(image):
        _, state = model.apply(
            variables,
            image,
            train=False,
            capture_intermediates=lambda m, _: m.path == ("backbone",),
            mutable=["intermediates"],
        )
        if "backbone" not in state.get("intermediates", {}):
            raise ValueError(
                f"name={type(model).__name__} is invalid: expected a network with a "
                "module named backbone, whose features are compared between output "
                "strides."
            )
        return state["intermediates"]["backbone"]["__call__"][0]["c5"]

    return fn
