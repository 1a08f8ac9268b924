"""Real weights of packages on the index, where these packages are installed."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.real_weights import lite0
from experiments.real_weights.photos import photographs
from jaxseg.runs.recognition import recognize
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.formats import files

# The PyTorch package gives these logits for scikit-learn's photograph of a palace.
FIRST = [1.1728, -0.3573, -1.6412, 0.0659, -1.0091]
PALACE = 698


@pytest.fixture(scope="module")
def path():
    found = lite0.weights_file()
    if found is None:
        pytest.skip(f"{lite0.WEIGHTS} is not installed")
    return found


@pytest.mark.slow
def test_lite0_gives_the_stored_logits(path):
    photos = photographs()
    if "china" not in photos:
        pytest.skip("scikit-learn is not installed")
    image = jnp.asarray(lite0.normalized(photos["china"]))
    logits = np.asarray(lite0.classifier(path)(image))[0]
    np.testing.assert_allclose(logits[:5], FIRST, atol=1e-3)
    assert logits.argmax() == PALACE


def test_lite0_is_recognized(path):
    wanted = Wanted(
        "unet", num_classes=5, part="backbone", backbone="efficientnet_lite0"
    )
    found = recognize(files.read(path), str(path), str(path), wanted)
    assert found.config.model.title == "unet on efficientnet_lite0"
