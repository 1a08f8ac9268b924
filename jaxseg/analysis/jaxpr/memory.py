"""Estimates the peak memory of any JAX function from its jaxpr.

The function is only traced, not compiled or run. A value occupies memory from the
equation that computes it to the last equation that reads it. The peak is the largest
sum of the values that exist at one equation. Some rules imitate the compiler:

    reshaping             needs no memory for a copy
    elementwise           the result reuses the memory of an operand that is not read
                          again
    elementwise chain     an intermediate value that is read only once needs no memory
    broadcast, constant   needs no memory, because the operations that read the value
                          compute it on the fly

Arguments (weights, images) are counted separately. A compiler may order or fuse
operations differently, and its convolutions may need workspace. On the networks of the
tests, the estimate is within 25 % of the compiler's own figure,
`jax.jit(fn).lower(...).compile().memory_analysis()`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.extend import core

from jaxseg.analysis.jaxpr.calls import CALLS
from jaxseg.analysis.jaxpr.cost import live

ALIASES = ("reshape", "squeeze", "expand_dims", "copy", "stop_gradient")
_ELEMENTWISE = (
    "abs add add_any and cbrt ceil clamp convert_element_type cos div eq erf erfc "
    "exp exp2 expm1 floor ge gt integer_pow is_finite le log log1p logistic lt "
    "materialize max min mul ne neg not or order_after pow reduce_precision rem "
    "round rsqrt select_n sign sin sqrt square sub tanh transpose xor"
)
ELEMENTWISE = frozenset(_ELEMENTWISE.split())
_FUSED_INTO = ELEMENTWISE | {
    "broadcast_in_dim",
    "reduce_sum",
    "reduce_max",
    "reduce_min",
}


@dataclasses.dataclass(frozen=True)
class PeakMemory:
    """Contains the memory that one call of a function needs, in bytes.

    Attributes:
      peak: The largest total size of the values that exist at one time, including
        outputs but not arguments.
      at: The path of the Flax modules that contain the equation at which the peak
        occurs.
      arguments: The size of the weights and inputs, which exist during the whole call.
      outputs: The size of the returned values.
      held: Pairs (path of modules, bytes in use), one after each equation that
        allocates memory, in order.
    """

    peak: int
    at: str
    arguments: int
    outputs: int
    held: tuple[tuple[str, int], ...]


def peak_memory(fn: Callable, *args: Any) -> PeakMemory:
    """Returns the estimated memory that `fn(*args)` needs, as a `PeakMemory` in bytes.

    The function is only traced, not run.

    Args:
      fn: Any function that JAX can trace. For the memory of training, pass the function
        that computes the gradient.
      *args: Pytrees of arrays or of `jax.ShapeDtypeStruct`, including the weights.
    """
    jaxpr = jax.make_jaxpr(fn)(*args).jaxpr
    held = _held(jaxpr)
    at, peak = max(held, key=lambda pair: pair[1], default=("", 0))
    outputs = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    return PeakMemory(
        peak,
        at=at,
        arguments=sum(map(_bytes, jaxpr.invars)),
        outputs=sum(map(_bytes, outputs)),
        held=tuple(held),
    )


def temporary_bytes(jaxpr: core.Jaxpr, size_of: Callable[[Any], float]) -> float:
    """Estimates the bytes that a program needs beyond its arguments and outputs.

    The outputs are assumed to reuse the memory of the arguments, as those of a training
    step do.

    Args:
      jaxpr: The traced program.
      size_of: Maps a variable of the program to its bytes in the memory of a device.
        It can return a fraction of the variable's size, if several devices share it.
    """
    held = _held(jaxpr, size_of, reused=True)
    return max((size for _, size in held), default=0)


@dataclasses.dataclass
class _Step:
    """Describes an equation whose operands and results are numbered buffers."""

    name: str
    kind: str
    reads: list[int]
    writes: list[int]
    inside: float = 0  # Bytes that its own body needs in addition.


@dataclasses.dataclass
class _Program:
    """Equations without calls, and the sizes of their buffers (0 for arguments)."""

    size_of: Callable[[Any], float]
    steps: list[_Step] = dataclasses.field(default_factory=list)
    sizes: dict[int, float] = dataclasses.field(default_factory=dict)

    def new(self, size: float) -> int:
        self.sizes[len(self.sizes)] = size
        return len(self.sizes) - 1


def _bytes(variable) -> int:
    aval = variable.aval
    item = getattr(aval.dtype, "itemsize", 8)
    return math.prod(aval.shape) * item


def _held(jaxpr, size_of=None, reused=False) -> list[tuple[str, Any]]:
    """Returns (name, bytes held) of every equation that allocates.

    With `reused`, outputs need no memory of their own.
    """
    program = _Program(size_of or _bytes)
    places = {v: program.new(0) for v in (*jaxpr.invars, *jaxpr.constvars)}
    outputs = _flatten(jaxpr, places=places, prefix="", program=program)
    if reused:
        program.sizes |= dict.fromkeys(outputs, 0)
    return list(_replay(program, set(outputs)))


def _flatten(jaxpr, places: dict, prefix: str, program: _Program) -> list[int]:
    """Appends the equations of a jaxpr to the program; returns the outputs' buffers."""
    given = dict.fromkeys(places, True)
    for eqn in live(jaxpr.eqns, given, jaxpr.outvars):
        stack = str(eqn.source_info.name_stack)
        name = stack if stack.startswith(prefix) or not stack else f"{prefix}/{stack}"
        name, kind = name or prefix, eqn.primitive.name
        reads = [_place(v, places, program) for v in eqn.invars]
        bodies = list(core.jaxprs_in_params(eqn.params))
        if kind in CALLS and len(bodies) == 1:
            inner = dict(zip(bodies[0].invars, reads, strict=True))
            inner |= {v: program.new(0) for v in bodies[0].constvars}
            results = _flatten(bodies[0], places=inner, prefix=name, program=program)
        elif kind in ALIASES:
            results = reads[:1]
        else:
            results = [program.new(program.size_of(v)) for v in eqn.outvars]
            sizes = (_inside(body, program.size_of) for body in bodies)
            inside = max(sizes, default=0)
            program.steps.append(
                _Step(name, kind=kind, reads=reads, writes=results, inside=inside)
            )
        places |= dict(zip(eqn.outvars, results, strict=True))
    return [_place(v, places, program) for v in jaxpr.outvars]


def _place(variable, places, program) -> int:
    return program.new(0) if isinstance(variable, core.Literal) else places[variable]


def _inside(jaxpr, size_of) -> float:
    """Returns the peak of the body of a loop or branch."""
    return max((size for _, size in _held(jaxpr, size_of)), default=0)


def _replay(program: _Program, outputs: set[int]) -> Iterator[tuple[str, Any]]:
    """Steps through the program, holding and freeing buffers."""
    steps, sizes = program.steps, program.sizes
    merged = _merged(steps, outputs)
    # Maps a value that is not held to the values that it is computed from.
    roots: dict[int, tuple[int, ...]] = {}
    real = [
        sorted({root for r in step.reads for root in roots.get(r, (r,))})
        for step in steps
        if not _note(step, roots, merged)
    ]
    kept = [step for step in steps if step.writes[:1] and step.writes[0] not in merged]
    last = {r: i for i, reads in enumerate(real) for r in reads}
    held: set[int] = set()
    total: float = 0
    for i, (step, reads) in enumerate(zip(kept, real, strict=True)):
        dying = {r for r in reads if last[r] == i and r not in outputs} & held
        need = sum(sizes[w] for w in step.writes)
        reused = step.kind in ELEMENTWISE and any(sizes[r] >= need for r in dying)
        room = 0 if reused else need
        yield step.name, total + room + step.inside
        held |= set(step.writes)
        for gone in dying | {w for w in step.writes if w not in last} - outputs:
            held.discard(gone)
        total = sum(sizes[h] for h in held)


def _note(step: _Step, roots: dict, merged: set[int]) -> bool:
    """Returns whether a step holds nothing, and if so records its result's roots."""
    if not step.writes or step.writes[0] in merged:
        made_of = {root for r in step.reads for root in roots.get(r, (r,))}
        roots.update(dict.fromkeys(step.writes, tuple(made_of)))
        return True
    return False


def _merged(steps: Sequence[_Step], outputs: set[int]) -> set[int]:
    """Returns the results that their readers absorb."""
    readers: dict[int, list[str]] = {}
    for step in steps:
        for r in set(step.reads):
            readers.setdefault(r, []).append(step.kind)
    counts = Counter({r: len(kinds) for r, kinds in readers.items()})
    found = set()
    for step in steps:
        result = step.writes[0] if step.writes else None
        if result is None or result in outputs:
            continue
        fused = all(kind in _FUSED_INTO for kind in readers.get(result, ()))
        free = step.kind in ("broadcast_in_dim", "iota") and fused
        if free or (step.kind in ELEMENTWISE and fused and counts[result] == 1):
            found.add(result)
    return found
