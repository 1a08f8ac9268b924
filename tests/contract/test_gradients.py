"""The gradient of every network: complete, finite, traced once, and in fast forms.

One compiled program per network serves all of these checks. Slow forms are read from
the program's text, so that no clock is needed: XLA's passes over the program run even
where code generation is cheap, as in this suite.
"""

import re

import jax
import numpy as np
import pytest

from tests.contract.networks import compiled_gradient, narrow_model
from tests.contract.representatives import COMPILED
from tests.contract.rows import NARROW, ROWS
from tests.guard.slow_pattern import slow_patterns
from tests.tiers import tiered

# {network: {pattern: how many}}, each with what it costs.
KNOWN = {
    # The 7x7 layers meet maps of at most 7 pixels: XLA takes the smaller of map and
    # kernel as the kernel. Both run in its matrix routine, 1.3 and 2.2 times a product.
    "deconvnet": {"reversed kernel": 2},
}
QUICK = ("deeplabv1_vgg16", "fcn32s_alexnet", "pix2pix_unet256", "prob_unet")


@pytest.fixture(scope="module", params=tiered(NARROW, COMPILED, QUICK))
def gradient(request, fill):
    """The name of a network and the compiled gradient of its tiny variant."""
    return request.param, compiled_gradient(request.param, fill)


def test_it_reaches_every_parameter_and_is_finite(gradient):
    name, compiled = gradient
    dead = re.compile("|".join(ROWS[name].get("dead", ("(?!)",))))
    for path, leaf in jax.tree_util.tree_leaves_with_path(compiled.run()):
        where = jax.tree_util.keystr(path, simple=True, separator="/")
        assert np.isfinite(leaf).all(), where
        assert np.abs(leaf).max() > 0 or dead.search(where), f"{where} gets no gradient"


def test_equal_models_share_one_trace(gradient):
    name, compiled = gradient
    assert narrow_model(name) == narrow_model(name)
    assert hash(narrow_model(name)) == hash(narrow_model(name))
    assert compiled.traces == 1


def test_it_holds_no_slow_form(gradient):
    name, compiled = gradient
    found = slow_patterns(compiled.program.as_text())
    told = {k: [line.source for line in lines] for k, lines in found.items()}
    counts = {pattern: len(lines) for pattern, lines in found.items()}
    assert counts == KNOWN.get(name, {}), told


def test_known_slow_forms_belong_to_networks():
    assert set(NARROW) >= KNOWN.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet"])
def test_the_plain_formulation_is_caught(name, fill):
    """What the guard is for: U-Net's pooling and up-convolutions as XLA has them."""
    compiled = compiled_gradient(name, fill, impl="lax")
    found = slow_patterns(compiled.program.as_text())
    assert found.keys() == {"select-and-scatter", "reversed kernel"}
