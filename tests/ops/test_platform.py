"""Formulations by the device that a program is traced for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core
from jax.sharding import AbstractDevice, AbstractMesh, AxisType

from jaxseg.ops.conv import conv
from jaxseg.ops.lowering.platform import for_tpu, platform
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize
from jaxseg.ops.transposed import conv_transpose


def mesh_of(platform, kind):
    device = AbstractDevice(device_kind=kind, num_cores=None, platform=platform)
    return AbstractMesh(
        (4,), ("batch",), axis_types=(AxisType.Auto,), abstract_device=device
    )


TPU = mesh_of("tpu", "TPU v5 lite")
X = jax.ShapeDtypeStruct((2, 9, 9, 4), jnp.float32)
KERNEL = jax.ShapeDtypeStruct((3, 3, 1, 4), jnp.float32)


def primitives(fn, *args):
    with jax.sharding.use_abstract_mesh(TPU):
        there = str(jax.make_jaxpr(fn)(*args))
    return there, str(jax.make_jaxpr(fn)(*args))


def test_the_mesh_decides_and_else_the_backend():
    assert platform() == "cpu" and not for_tpu()
    with jax.sharding.use_abstract_mesh(TPU):
        assert platform() == "tpu" and for_tpu()
    with jax.sharding.use_abstract_mesh(mesh_of("cpu", "cpu")):
        assert not for_tpu()


def test_depthwise_convolution_is_the_primitive_on_tpu():
    def gradient(x, kernel):
        run = lambda x, kernel: conv(x, kernel, padding=1, groups=4).sum()
        return jax.grad(run, argnums=(0, 1))(x, kernel)

    there, here = primitives(gradient, X, KERNEL)
    assert "conv_general_dilated" in there and "conv_general_dilated" not in here


@pytest.mark.parametrize("window", [2, 3])
def test_max_pooling_is_the_primitive_on_tpu(window):
    gradient = jax.grad(lambda x: max_pool(x, window=window, stride=2).sum())
    there, here = primitives(gradient, X)
    assert "select_and_scatter" in there and "select_and_scatter" not in here


def test_resizing_is_one_product_per_axis_on_tpu():
    gradient = jax.grad(lambda x: (resize(x, (20, 17)) ** 2).sum())
    there, here = primitives(gradient, X)
    assert there.count("dot_general") == 4 and "gather" not in there
    assert "HIGHEST" in there  # float32 logits would be rounded to bfloat16
    assert "gather" in here


def test_transposed_convolution_is_the_primitive_on_tpu():
    kernel = jax.ShapeDtypeStruct((4, 4, 4, 5), jnp.float32)
    run = lambda x, kernel: conv_transpose(x, kernel, stride=2, padding=1)
    there, here = primitives(run, X, kernel)
    assert "lhs_dilation=(2, 2)" in there and "lhs_dilation=(2, 2)" not in here


@pytest.mark.slow
def test_values_agree():
    random = np.random.default_rng(0)
    x = random.normal(size=X.shape).astype(np.float32)
    depthwise = random.normal(size=KERNEL.shape).astype(np.float32)
    kernel = random.normal(size=(4, 4, 4, 5)).astype(np.float32)
    operators = (
        lambda: conv(x, depthwise, padding=1, groups=4),
        lambda: conv(x, kernel, rate=3, padding=5),
        lambda: max_pool(x, window=3, stride=2, padding=1),
        lambda: resize(x, (20, 17)),
        lambda: conv_transpose(x, kernel, stride=2, padding=1, output_padding=1),
    )
    for operator in operators:
        with jax.sharding.use_abstract_mesh(TPU):
            traced = jax.make_jaxpr(operator)()
        run = lambda t=traced, o=operator: (core.jaxpr_as_fun(t)()[0], o())
        there, here = jax.jit(run)()
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-5)
