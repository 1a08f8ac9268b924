"""Lists the primitives that call another jaxpr with their own inputs and outputs."""

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
