"""The time of a step on CPU devices, and the traffic of half precision."""

import jax
import jax.numpy as jnp
import pytest

from jaxseg.plan.cpu_time import CpuWork, bytes_moved, cpu_seconds


def test_the_parts_of_the_time_add_up():
    work = CpuWork(1.75e10, traffic=2e10, operations=4e5, exchanges=1e5)
    assert cpu_seconds(work) == pytest.approx(1 + 2 + 1 + 3)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(jnp.float32, 4), (jnp.bfloat16, 10), (jnp.float16, 10), (jnp.uint16, 2)],
)
def test_half_precision_moves_more_bytes_than_float32(dtype, size):
    assert bytes_moved(jax.ShapeDtypeStruct((3,), dtype)) == size
