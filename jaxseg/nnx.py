"""Networks of jaxseg as modules of `flax.nnx`, for `nnx.jit` and `nnx.Optimizer`.

network = jaxseg.nnx.create_model("unet", num_classes=4, rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(network, optax.adam(1e-3), wrt=nnx.Param)
logits = network(image, train=True)["logits"]
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import flax.errors
import jax
import jax.numpy as jnp
from flax import linen, nnx

from jaxseg import models

COLLECTIONS = {"params", "batch_stats"}


class Network(nnx.Module):
    """Wraps a linen module as an nnx module, which holds its variables.

    It is used instead of `nnx.bridge.ToNNX`, which mixes parameters and statistics in
    one tree, replaces the statistics by new objects in each training step, and uses its
    random streams in evaluation as well, where they turn on Monte Carlo dropout.

    Attributes:
      linen: The linen module.
      params: The tree of the parameters, as in linen, with an `nnx.Param` at each leaf.
      batch_stats: The tree of the normalization statistics, as in linen, with an
        `nnx.BatchStat` at each leaf. It is {} for a module without statistics.
      dropout: The random stream of dropout in training, or None.
    """

    def __init__(
        self,
        module: linen.Module,
        variables: Mapping[str, Any],
        *,
        rngs: nnx.Rngs | None = None,
    ):
        stats = variables.get("batch_stats", {})
        self.linen = module
        self.params = nnx.data(jax.tree.map(nnx.Param, variables["params"]))
        self.batch_stats = nnx.data(jax.tree.map(nnx.BatchStat, stats))
        self.dropout = _dropout_stream(rngs)

    def __call__(
        self, *inputs: jax.Array, train: bool = False, rngs: nnx.Rngs | None = None
    ) -> Any:
        """Computes the linen module.

        Args:
          *inputs: The inputs of the linen module. A network takes one normalized image
            [B, H, W, C].
          train: Whether normalization uses the statistics of the batch, and dropout is
            active. The running statistics are then updated in place.
          rngs: Random streams for dropout in this call. With them, dropout is active in
            evaluation as well (Monte Carlo dropout). By default the stream of the
            module is used, and only in training.

        Returns:
          The outputs of the linen module. A network returns {"logits": [B, H, W, K]}
          and, if it has them, further outputs such as "aux".

        Raises:
          ValueError: If dropout is active and there is no random stream for it.
        """
        stream = _dropout_stream(rngs) or (self.dropout if train else None)
        options: dict[str, Any] = {
            "rngs": {} if stream is None else {"dropout": stream()}
        }
        if "train" in inspect.signature(type(self.linen).__call__).parameters:
            options["train"] = train
        moving = bool(train and self.batch_stats)
        try:
            outputs = self.linen.apply(
                self.variables,
                *inputs,
                mutable=["batch_stats"] if moving else False,
                **options,
            )
        except flax.errors.InvalidRngError as error:
            raise ValueError(
                "rngs=None is invalid: expected random streams, because the network "
                "has dropout. Pass rngs=nnx.Rngs(0) when you create the network."
            ) from error
        if not moving:
            return outputs
        outputs, updated = outputs
        jax.tree.map(
            lambda variable, value: variable.set_value(value),
            self.batch_stats,
            updated["batch_stats"],
            is_leaf=_is_variable,
        )
        return outputs

    @property
    def variables(self) -> dict[str, Any]:
        """Returns the variables as the nested dictionaries that `linen.apply` takes."""
        trees = {"params": self.params, "batch_stats": self.batch_stats}
        return {
            name: jax.tree.map(lambda leaf: leaf[...], tree, is_leaf=_is_variable)
            for name, tree in trees.items()
            if tree
        }


def create_model(
    name: str,
    num_classes: int,
    *,
    rngs: nnx.Rngs | None = None,
    image_shape: tuple[int, ...] = (1, 64, 64, 3),
    **options: Any,
) -> Network:
    """Creates a network by its name, with new parameters, as an nnx module.

    >>> network = create_model("unet", 4, image_shape=(1, 16, 16, 3), width=2, depth=2)
    >>> network(jnp.zeros((1, 16, 16, 3)))["logits"].shape
    (1, 16, 16, 4)

    Args:
      name: The name of the network, as in `jaxseg.create_model`.
      num_classes: Number of channels of the logits.
      rngs: Random streams. "params" initializes the parameters, and "dropout" is used
        by dropout in training. With None, the parameters are initialized with seed 0,
        and a network with dropout can be trained only if each call passes `rngs`.
      image_shape: The shape [B, H, W, C] of an image that the network accepts. Later
        images have the same number of channels; they may have another size if the
        network accepts it.
      **options: Further options of `jaxseg.create_model`, such as `backbone`.

    Returns:
      A module that maps an image [B, H, W, C] to {"logits": [B, H, W, num_classes],
      ...}.

    Raises:
      ValueError: If a name is unknown.
      TypeError: If an option is not known to the network.
    """
    module = models.create_model(name, num_classes, **options)
    key = jax.random.key(0) if rngs is None else rngs.params()

    @jax.jit
    def init(key):
        return module.init(key, jnp.zeros(image_shape), train=False)

    return Network(module, init(key), rngs=rngs)


def from_linen(
    module: linen.Module,
    variables: Mapping[str, Any],
    *,
    rngs: nnx.Rngs | None = None,
) -> Network:
    """Wraps a linen module with the given variables as an nnx module.

        network = from_linen(*jaxseg.load_pretrained("deeplabv3_resnet50_coco.pth"))

    Args:
      module: A network, or a block of `jaxseg.nn`.
      variables: The result of `module.init`, or the variables of a run or a checkpoint.
      rngs: Random streams. Dropout in training uses the stream "dropout".

    Raises:
      ValueError: If the variables have no parameters, or collections other than
        "params" and "batch_stats".
    """
    names = set(variables)
    if "params" not in names or not names <= COLLECTIONS:
        raise ValueError(
            f"variables={sorted(names)} is invalid: expected the collection 'params' "
            "and, for a module with running statistics, 'batch_stats'. Pass the result "
            "of module.init."
        )
    return Network(module, variables, rngs=rngs)


def _dropout_stream(rngs: nnx.Rngs | None) -> nnx.RngStream | None:
    """Returns an own copy of the stream for dropout, as the layers of nnx do."""
    if rngs is None or not {"dropout", "default"} & set(rngs):
        return None
    return rngs.dropout.fork()


def _is_variable(leaf: Any) -> bool:
    return isinstance(leaf, nnx.Variable)


__all__ = ["Network", "create_model", "from_linen"]
