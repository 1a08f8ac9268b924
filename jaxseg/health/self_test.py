"""Runs small computations whose results are known, in a few seconds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.health.problems import Problem

BUSY = 10.0  # A self-test of more seconds on the clock is explained.
REMEDY = "Install jaxseg in a new environment with the versions of requirements.txt."


def run_tests() -> tuple[dict[str, Any], list[Problem]]:
    """Runs all self-tests.

    Returns:
      A pair: a dictionary from the name of each test to its duration in seconds, or
      None if it failed; and a list with one `Problem` for each failed test.
    """
    seconds: dict[str, Any] = {}
    problems = []
    for name, test in TESTS.items():
        start = time.monotonic()
        try:
            test()
            seconds[name] = round(time.monotonic() - start, 2)
        except Exception as error:  # Any failure of a library is a finding.
            seconds[name] = None
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            problems.append(Problem(f"The self-test {name!r} failed ({text}).", REMEDY))
    return seconds, problems


def delay_note(seconds: float, cpu_seconds: float) -> str:
    """Returns a sentence that explains why the self-test took long, or "".

    Args:
      seconds: The elapsed time in seconds.
      cpu_seconds: The CPU time of this process in seconds.
    """
    if seconds <= BUSY:
        return ""
    text = f"the self-test took {seconds:.0f} s, of which {cpu_seconds:.0f} s are "
    text += "computing time"
    if cpu_seconds < 0.7 * seconds:
        return f"{text}: other programs use the cores, or the disk is slow"
    return f"{text}: the cores are slow"


def test_convolution() -> None:
    """Checks that an atrous convolution and its gradient agree with those of NumPy."""
    import jax

    from jaxseg.ops.conv import conv

    draw = np.random.default_rng(0)
    image = draw.normal(size=(1, 7, 8, 2)).astype(np.float32)
    kernel = draw.normal(size=(3, 3, 2, 3)).astype(np.float32)
    weight = draw.normal(size=(1, 7, 8, 3)).astype(np.float32)

    def total(kernel):
        result = conv(image, kernel, padding=2, rate=2)
        return (result * weight).sum(), result

    gradient, result = jax.jit(jax.grad(total, has_aux=True))(kernel)
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2), (0, 0)))
    expected, slope = np.zeros(weight.shape), np.zeros(kernel.shape)
    for row in range(3):
        for column in range(3):
            part = padded[:, 2 * row : 2 * row + 7, 2 * column : 2 * column + 8]
            expected += part @ kernel[row, column]
            slope[row, column] = np.einsum("bhwi,bhwo->io", part, weight)
    np.testing.assert_allclose(result, expected, rtol=0.02, atol=0.05)
    np.testing.assert_allclose(gradient, slope, rtol=0.02, atol=0.3)


def test_training_step() -> None:
    """Trains a small network for a few steps, and checks that the loss decreases."""
    import jax
    import jax.numpy as jnp

    from jaxseg.models import create_model

    model = create_model("unet", num_classes=2, width=2, depth=1)
    image = jnp.linspace(-1, 1, 8 * 8 * 3).reshape(1, 8, 8, 3)
    variables = jax.jit(model.init)(jax.random.key(0), image)
    label = (image[..., 0] > 0).astype(jnp.int32)

    def loss(params):
        logits = model.apply(variables | {"params": params}, image)["logits"]
        scores = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(scores, label[..., None], -1).mean()

    @jax.jit
    def step(params):
        value, slope = jax.value_and_grad(loss)(params)
        return value, jax.tree.map(lambda p, g: p - 0.05 * g, params, slope)

    params, values = variables["params"], []
    for _ in range(5):  # Enough for the loss to fall; more only cost time.
        value, params = step(params)
        values.append(float(value))
    if not values[-1] < values[0] < np.inf:
        raise ArithmeticError(
            f"the loss does not decrease in five training steps: {values}"
        )


def test_checkpoint() -> None:
    """Writes a checkpoint, reads it back, and checks that the arrays are equal."""
    import orbax.checkpoint as ocp

    arrays = {"kernel": np.arange(12, dtype=np.float32).reshape(3, 4)}
    with tempfile.TemporaryDirectory() as folder, ocp.StandardCheckpointer() as writer:
        path = Path(folder) / "0"
        writer.save(path, arrays)
        writer.wait_until_finished()
        found = writer.restore(path, arrays)
    np.testing.assert_array_equal(found["kernel"], arrays["kernel"])


def test_png() -> None:
    """Writes a PNG file and reads it with the reader of jaxseg."""
    from PIL import Image

    from jaxseg.inference.images import read_rgb

    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(image).save(path)
        np.testing.assert_array_equal(read_rgb(path), image)


TESTS: dict[str, Callable[[], None]] = {
    "convolution and gradient": test_convolution,
    "training step": test_training_step,
    "checkpoint": test_checkpoint,
    "PNG file": test_png,
}
