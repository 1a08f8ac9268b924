"""Reads the parameters of JAX primitives that contain a traced program (jaxpr)."""

from collections.abc import Mapping
from typing import Any

# These primitives call another jaxpr with their own inputs and outputs.
CALLS = (
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat2",
    "checkpoint",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
)
BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # The parameters that hold the jaxpr.


def scan_sizes(params: Mapping[str, Any]) -> tuple[int, int]:
    """Returns the pair (number of constants, number of carries) of a `lax.scan`.

    The inputs of its equation are the constants, then the carries, and then the arrays
    that are scanned.

    Args:
      params: The parameters of the equation of the scan.
    """
    if "num_consts" in params:  # until jax 0.11
        return params["num_consts"], params["num_carry"]
    constants, carries, _ = params["ft_in"].unpack()
    return len(constants), len(carries)
