"""Bytes between a device and its memory."""

import jax
import jax.numpy as jnp

from jaxseg.analysis.hlo.traffic import computations, memory_traffic

TEXT = """HloModule jit_f

%fused (p: f32[100]) -> f32[100] {
  %p = f32[100]{0} parameter(0)
  ROOT %inside = f32[100]{0} add(%p, %p)
}

%body (q: (f32[10])) -> (f32[10]) {
  %q = (f32[10]{0}) parameter(0)
  %element = f32[10]{0} get-tuple-element(%q), index=0
  %next = f32[10]{0} add(%element, %element)
  ROOT %again = (f32[10]{0}) tuple(%next)
}

ENTRY %main (x: f32[100], y: f32[50]) -> f32[100] {
  %x = f32[100]{0:T(128)} parameter(0)
  %y = f32[50]{0:T(128)} parameter(1)
  %slice-start = ((f32[50]{0:T(128)}), f32[20]{0:T(128)S(1)}, s32[]{:S(2)}) slice-start(%y), slice={[0:20]}
  %slice-done = f32[20]{0:T(128)S(1)} slice-done(%slice-start)
  %near = f32[20]{0:T(128)S(1)} fusion(%slice-done), kind=kLoop, calls=%fused
  %loop = (f32[10]{0}) while(%init), condition=%test, body=%body
  ROOT %far = f32[100]{0:T(128)} fusion(%x, %near), kind=kLoop, calls=%fused
}
"""


def test_scratch_memory_and_the_inside_of_fusions_cost_nothing():
    slice_, loop, far = 20 * 4, (10 + 2 * 10) * 4, (100 + 100) * 4
    assert memory_traffic(TEXT) == slice_ + loop + far


def test_computations_by_name():
    bodies, entry = computations(TEXT)
    assert entry == "main" and set(bodies) == {"fused", "body", "main"}
    assert "far" in bodies["main"] and "inside" not in bodies["main"]


def test_a_real_program_reads_and_writes_its_arrays_once():
    x = jax.ShapeDtypeStruct((256, 256), jnp.float32)
    text = jax.jit(lambda x: jnp.sin(x) * 2).lower(x).compile().as_text()
    assert memory_traffic(text) == 2 * 4 * 256 * 256
