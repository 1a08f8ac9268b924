"""Prepares the operators that `jaxseg bench` times, in JAX and in PyTorch.

Two programs are timed for an operator: its forward pass alone, and the forward pass
together with the backward pass, which computes the gradients of all arguments. The
gradient of the output is a random array. It is an argument of the program, because a
compiler could simplify the backward pass if it were a constant. The program also
returns the output, because a compiler could otherwise drop the forward pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxseg.bench.cases import Case
from jaxseg.bench.pytorch import Torch

CLASSES = 21  # As in PASCAL VOC, with the background.


def arrays(case: Case) -> tuple[np.ndarray, ...]:
    """Draws random arguments for a benchmarked operator from a fixed seed.

    Returns:
      A tuple of arrays: the image [B, H, W, C], the kernel in HWIO if the operator has
      one, and integer labels [B, h, w] if it takes labels.
    """
    random = np.random.default_rng(0)
    found = [random.normal(size=case.image).astype(np.float32)]
    if case.kernel is not None:
        fan = max(1, int(np.prod(case.kernel[:3])))
        kernel = random.normal(size=case.kernel) / np.sqrt(fan)
        found.append(kernel.astype(np.float32))
    if case.labels:
        b, h, w, _ = case.image
        shape = (b, h * case.labels, w * case.labels)
        label = random.integers(0, CLASSES, shape).astype(np.int32)
        label[:, :3] = 255
        found.append(label)
    return tuple(found)


class Ours:
    """Runs one of the benchmarked operators of jaxseg, compiled by XLA.

    Attributes:
      compile_seconds: The time of tracing and compiling.
      temp_bytes: The bytes that XLA allocates in addition to arguments and outputs.
    """

    def __init__(self, case: Case, backward: bool, dtype: str) -> None:
        values = [self._cast(a, dtype) for a in arrays(case)]
        floats = [v for v in values if v.dtype.kind != "i"]
        rest = values[len(floats) :]
        shape = jax.eval_shape(case.ours, *values)
        random = np.random.default_rng(1)
        cotangent = random.normal(size=shape.shape).astype(np.float32)

        def both(cotangent, floats, rest):
            value, pull = jax.vjp(lambda *a: case.ours(*a, *rest), *floats)
            return value, pull(cotangent)

        forward = lambda _, floats, rest: case.ours(*floats, *rest)
        program = both if backward else forward
        self.arguments = jax.device_put(
            (cotangent.astype(shape.dtype), floats, rest), jax.devices()[0]
        )
        self.compiled, self.compile_seconds = compiled(program, self.arguments)
        self.temp_bytes = temp_bytes(self.compiled)

    def run(self) -> None:
        """Runs the operator once and waits for the result."""
        jax.block_until_ready(self.compiled(*self.arguments))

    def value(self) -> np.ndarray:
        """Returns the operator's output as float32, in the layout NHWC."""
        result = self.compiled(*self.arguments)
        value = result[0] if isinstance(result, tuple) else result
        return np.asarray(value, np.float32)

    @staticmethod
    def _cast(array, dtype):
        whole = array.dtype.kind == "i"
        return array if whole else array.astype(jax.numpy.dtype(dtype))


def compiled(function: Callable, arguments: tuple, **jit: Any) -> tuple[Any, float]:
    """Compiles a function for given arguments, without JAX's persistent compile cache.

    Returns:
      The compiled program, and the seconds of tracing and compiling.
    """
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        start = time.perf_counter()
        program = jax.jit(function, **jit).lower(*arguments).compile()
        return program, time.perf_counter() - start
    finally:
        jax.config.update("jax_enable_compilation_cache", before)


def temp_bytes(program: Any) -> int | None:
    """Returns the bytes of temporary memory that XLA plans for a program.

    The result is None if the backend does not report it.
    """
    memory = program.memory_analysis()
    return None if memory is None else int(memory.temp_size_in_bytes)


class Theirs:
    """Runs a benchmarked operator in PyTorch, eagerly or through `torch.compile`."""

    def __init__(self, case: Case, backward: bool, side: Torch, dtype: str) -> None:
        torch = side.torch
        values = [
            side.tensor(array, case.order, index, dtype)
            for index, array in enumerate(arrays(case))
        ]
        self.floats = [v for v in values if v.is_floating_point()]
        rest = values[len(self.floats) :]
        functional = torch.nn.functional
        forward = lambda *floats: case.theirs(torch, functional, *floats, *rest)
        self.side, self.backward = side, backward
        self.forward = side.compile(forward)
        if backward:
            for value in self.floats:
                value.requires_grad_()
            shape = forward(*self.floats)
            random = np.random.default_rng(1)
            self.cotangent = side.like(random.normal(size=_nhwc(shape)), shape)

    def run(self) -> None:
        self.output()
        self.side.wait()

    def output(self):
        if not self.backward:
            with self.side.torch.no_grad():
                return self.forward(*self.floats)
        value = self.forward(*self.floats)
        grads = self.side.torch.autograd.grad(value, self.floats, self.cotangent)
        return value.detach(), grads

    def value(self) -> np.ndarray:
        """Returns the output of the PyTorch operator as float32, converted to NHWC."""
        result = self.output()
        value = result[0] if isinstance(result, tuple) else result
        value = value.detach().float().cpu()
        return (value.permute(0, 2, 3, 1) if value.ndim == 4 else value).numpy()


def _nhwc(tensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    return (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape
