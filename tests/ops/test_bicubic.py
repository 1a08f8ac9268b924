"""Bicubic resizing against PyTorch's."""

import jax
import numpy as np
import pytest
from jax import export

from jaxseg.ops.bicubic import resize_bicubic


@pytest.mark.parametrize("size", [(5, 9), (7, 7), (16, 3)])
@pytest.mark.parametrize(("antialias", "offset"), [(False, 0), (True, 0), (False, 0.1)])
def test_bicubic_equals_torch(size, antialias, offset):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 7, 7, 3)).astype(np.float32)
    scale = [(side + offset) / 7 for side in size]
    how = {"scale_factor": scale} if offset else {"size": size}
    want = torch.nn.functional.interpolate(
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()),
        mode="bicubic",
        antialias=antialias,
        **how,
    )
    got = resize_bicubic(x, size, antialias=antialias, offset=offset)
    np.testing.assert_allclose(got, want.numpy().transpose(0, 2, 3, 1), atol=2e-5)


@pytest.mark.parametrize("antialias", [False, True])
def test_a_size_that_depends_on_the_image(antialias):
    """The exported program computes the weights when it runs."""
    rows, columns = export.symbolic_shape("h, w")
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)

    def run(image):
        return resize_bicubic(x, image.shape[:2], antialias=antialias)

    shape = jax.ShapeDtypeStruct((rows, columns), np.float32)
    program = export.export(jax.jit(run))(shape)
    got = program.call(np.zeros((3, 9), np.float32))
    want = resize_bicubic(x, (3, 9), antialias=antialias)
    np.testing.assert_allclose(got, want, atol=1e-5)
