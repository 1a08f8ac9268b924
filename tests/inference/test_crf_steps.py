"""The probabilities after each iteration of the CRF."""

import jax
import numpy as np
import pytest

from jaxseg.inference import refine, refine_steps
from jaxseg.inference.crf import Kernels

KERNELS = Kernels(color_reach=5.0, color_sigma=30.0)


@pytest.mark.parametrize("method", ["lattice", "exact"])
def test_each_step_is_a_refinement_with_fewer_iterations(method):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (10, 12, 3)).astype(np.uint8)
    logits = random.normal(0, 1, (10, 12, 3)).astype(np.float32)
    before = np.asarray(jax.nn.softmax(logits))
    how = {"kernels": KERNELS, "method": method}
    several = refine_steps(before, image, iterations=3, **how)
    assert several.shape == (4, 10, 12, 3)
    np.testing.assert_allclose(several[0], before, atol=1e-5)
    for count in (1, 3):
        expected = refine(before, image, iterations=count, **how)
        np.testing.assert_allclose(several[count], expected, atol=1e-5)
    assert np.abs(several[3] - several[2]).max() > 1e-5
