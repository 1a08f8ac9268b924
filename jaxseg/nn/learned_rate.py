"""Convolutions that learn their atrous rate.

`ChosenRateConv` mixes the results of several rates, which share one kernel. Its
temperature falls during training, until one rate remains. `ContinuousRateConv` has a
real number as its rate, and interpolates between pixels. After training,
`hardened_rates` returns the rates of an `ASPP` with fixed rates, and
`without_rate_parameters` returns its variables: the trained kernels, under unchanged
names.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import activation, initializer
from jaxseg.nn.norm import Norm
from jaxseg.ops.conv import conv, same_padding
from jaxseg.ops.interpolated import interpolated_conv
from jaxseg.typing import Array

LOGITS, COUNT, RATE = "rate_logits", "rate_steps", "rate"


@dataclasses.dataclass(frozen=True)
class RateChoice:
    """Selects a rate among candidates by a softmax whose temperature falls.

    Attributes:
      candidates: The rates to choose from, in ascending order.
      steps: The number of calls in training after which the mixture is replaced by its
        most probable rate. With gradient accumulation, each micro-batch is a call.
      first: The temperature at the start. The temperature falls exponentially.
      last: The temperature at the end.
    """

    candidates: tuple[int, ...]
    steps: int = 1000
    first: float = 1.0
    last: float = 0.1

    def __post_init__(self):
        rates = self.candidates
        if len(rates) < 2 or min(rates) < 1 or list(rates) != sorted(set(rates)):
            raise ValueError(
                f"candidates={rates} is invalid: expected two or more different rates "
                "of at least 1 in ascending order."
            )
        if self.steps < 1 or not 0 < self.last <= self.first:
            raise ValueError(
                f"steps={self.steps}, first={self.first}, last={self.last} is invalid: "
                "expected at least 1 step, and 0 < last <= first."
            )


@dataclasses.dataclass(frozen=True)
class ContinuousRate:
    """Selects a rate that is a real number and changes by gradient descent.

    Attributes:
      initial: The rate at the start.
      largest: The largest rate. The smallest one is 0.
    """

    initial: float
    largest: int

    def __post_init__(self):
        if not 0 < self.initial <= self.largest:
            raise ValueError(
                f"initial={self.initial} is invalid: expected a rate above 0 and at "
                f"most largest={self.largest}."
            )


class ChosenRateConv(nn.Module):
    """Mixes a convolution at several rates, and learns the weight of each rate.

    All rates share one kernel. In each call with `train=True`, a counter in the
    collection "batch_stats" grows by 1, which lowers the temperature of the softmax.
    After `choice.steps` calls, the result is that of the most probable rate alone.

    Attributes:
      features: Number of output channels.
      choice: The candidates and the temperature.
      kernel: Kernel size.
      bias: Whether there is a bias.
      kernel_init: The name of the initializer of the kernel, such as "he".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    choice: RateChoice
    kernel: int = 3
    bias: bool = True
    kernel_init: str = "he"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        kernel = _kernel(self, x)
        choice, dtype = self.choice, self.style.dtype
        zeros = nn.initializers.zeros
        logits = self.param(LOGITS, zeros, (len(choice.candidates),))
        count = self.variable("batch_stats", COUNT, jnp.zeros, ())
        shares = rate_shares(logits, count.value, choice).astype(dtype)
        if train and not self.is_initializing():
            count.value = count.value + 1
        x, total = x.astype(dtype), jnp.zeros((), dtype)
        for share, rate in zip(shares, choice.candidates, strict=True):
            padding = same_padding(self.kernel, rate)
            impl = self.style.impl
            total = total + share * conv(
                x, kernel, rate=rate, padding=padding, impl=impl
            )
        return _with_bias(self, total)


class ContinuousRateConv(nn.Module):
    """Applies a convolution whose rate is a real number that is learned.

    Attributes:
      features: Number of output channels.
      choice: The rate at the start of the training, and the largest possible rate.
      kernel: Kernel size, an odd number.
      bias: Whether there is a bias.
      kernel_init: The name of the initializer of the kernel, such as "he".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    choice: ContinuousRate
    kernel: int = 3
    bias: bool = True
    kernel_init: str = "he"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        del train  # The rate is the same in training and in evaluation.
        kernel = _kernel(self, x)
        rate = self.param(RATE, nn.initializers.constant(self.choice.initial), ())
        largest = self.choice.largest
        x = interpolated_conv(x.astype(self.style.dtype), kernel, rate, largest=largest)
        return _with_bias(self, x)


class LearnedRateConvNormAct(nn.Module):
    """Applies a convolution with a learned rate, normalization and activation.

    Attributes:
      features: Number of output channels.
      choice: How the rate is learned: a `RateChoice` selects it from candidates, and a
        `ContinuousRate` changes it as a real number.
      kernel: Kernel size, an odd number.
      act: The name of the activation, such as "relu".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    choice: RateChoice | ContinuousRate
    kernel: int = 3
    act: str = "relu"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        options: dict[str, Any] = {"bias": False, "style": self.style, "name": "conv"}
        if isinstance(self.choice, RateChoice):
            block = ChosenRateConv(self.features, self.choice, self.kernel, **options)
            x = block(x, train=train)
        else:
            own = ContinuousRateConv(self.features, self.choice, self.kernel, **options)
            x = own(x, train=train)
        x = Norm(self.style, name="norm")(x, train=train)
        return activation(self.act)(x)


def rate_shares(logits: Array, count: Array | float, choice: RateChoice) -> Array:
    """Returns the weight of each candidate rate in the mixture, [candidates].

    The weights sum to 1.

    Args:
      logits: The learned logits of the candidates.
      count: The number of calls in training so far.
      choice: The candidates and the temperature.
    """
    done = jnp.minimum(count / choice.steps, 1.0)
    temperature = choice.first * (choice.last / choice.first) ** done
    soft = jax.nn.softmax(logits / temperature)
    hard = jax.nn.one_hot(logits.argmax(), logits.shape[0])
    return jnp.where(count >= choice.steps, hard, soft)


def hardened_rates(
    rates: Sequence[int | RateChoice | ContinuousRate], params: Mapping[str, Any]
) -> tuple[int, ...]:
    """Returns the rates of the branches of an ASPP as fixed whole numbers.

    A `RateChoice` becomes its most probable candidate. A `ContinuousRate` is rounded to
    a whole number of at least 1, which changes the output unless the rate is whole.

    Args:
      rates: The rates of `jaxseg.nn.ASPP`, fixed or learned.
      params: The parameters of this ASPP.

    >>> choice = RateChoice((2, 4, 8))
    >>> conv = {"rate_logits": np.array([0.1, 0.3, 0.2])}
    >>> hardened_rates((1, choice), {"branch2": {"dense": {"conv": conv}}})
    (1, 4)
    """
    found = []
    for number, rate in enumerate(rates, start=1):
        if isinstance(rate, int):
            found.append(rate)
            continue
        own = params[f"branch{number}"]["dense"]["conv"]
        if isinstance(rate, RateChoice):
            found.append(rate.candidates[int(np.argmax(own[LOGITS]))])
        else:
            value = float(np.clip(own[RATE], 0, rate.largest))
            found.append(max(1, round(value)))
    return tuple(found)


def without_rate_parameters(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Returns variables without the parameters and counters of learned rates.

    The result fits the network with the rates of `hardened_rates`.

    Args:
      variables: A tree of dictionaries, such as {"params": ..., "batch_stats": ...}.
    """
    kept: dict[str, Any] = {}
    names = {LOGITS, COUNT} | ({RATE} if "kernel" in variables else set())
    for name, value in variables.items():
        if isinstance(value, Mapping):
            inner = without_rate_parameters(value)
            if inner or not value:
                kept[name] = inner
        elif name not in names:
            kept[name] = value
    return kept


def _kernel(module: ChosenRateConv | ContinuousRateConv, x: Array) -> Array:
    shape = (module.kernel, module.kernel, x.shape[-1], module.features)
    kernel = module.param("kernel", initializer(module.kernel_init), shape)
    return jnp.asarray(kernel, module.style.dtype)


def _with_bias(module: ChosenRateConv | ContinuousRateConv, x: Array) -> Array:
    if not module.bias:
        return x
    bias = module.param("bias", nn.initializers.zeros, (module.features,))
    return x + bias.astype(x.dtype).reshape(1, 1, 1, -1)
