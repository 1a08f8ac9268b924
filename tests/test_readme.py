"""What README shows is run, not only shown."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
TINY = ", width=4, blocks=(1, 1, 1, 1), features=8, low=4"


def blocks():
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_config_block_is_a_config():
    names = {}
    exec(next(b for b in blocks() if "config = Config(" in b), names)
    assert names["config"].model.name == "deeplabv3plus_resnet50"
    assert names["config"].data.crop == (360, 480)


@pytest.mark.slow
def test_training_loop_block_lowers_the_loss():
    code = next(b for b in blocks() if "def step(" in b)
    assert "output_stride=16" in code
    names = {}
    exec(code.replace("output_stride=16", "output_stride=16" + TINY), names)
    random = np.random.default_rng(0)
    image = jnp.asarray(random.normal(size=(2, 65, 64, 3)), jnp.float32)
    label = jnp.asarray(random.integers(0, 21, (2, 65, 64)), jnp.int32)
    state = [names["params"], names["stats"], names["opt_state"]]
    losses = []
    for _ in range(5):
        *state, value = names["step"](*state, image, label)
        losses.append(float(value))
    assert losses[-1] < losses[0]
    assert jax.tree.all(jax.tree.map(lambda x: bool(jnp.isfinite(x).all()), state[0]))
