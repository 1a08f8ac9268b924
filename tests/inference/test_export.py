"""An exported network gives the same logits for every batch size."""

import numpy as np
import pytest
from flax import linen as nn

from jaxseg.inference.export.stablehlo import export_network, import_network

pytest.importorskip("flatbuffers")  # the extra that jax.export writes files with


class Small(nn.Module):
    """Strided convolution, norm, transposed convolution."""

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Conv(4, (3, 3), strides=2, padding=1)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        return nn.ConvTranspose(5, (2, 2), strides=(2, 2))(x)


def test_round_trip(fill):
    model = Small()
    variables = fill(model, (1, 16, 24, 3))
    blob = export_network(lambda x: model.apply(variables, x, train=False), (16, 24))
    network = import_network(blob)
    for batch in (1, 3):
        image = np.random.default_rng(batch).normal(size=(batch, 16, 24, 3))
        image = image.astype(np.float32)
        np.testing.assert_allclose(
            network(image), model.apply(variables, image, train=False), atol=1e-5
        )


def test_other_sizes_are_refused():
    network = import_network(export_network(lambda x: x * 2, (8, 8), channels=1))
    with pytest.raises(Exception, match=r"[Ss]hape"):
        network(np.zeros((1, 9, 8, 1), np.float32))
