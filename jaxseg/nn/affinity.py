"""Learns the field sizes of the adaptive affinity field loss (arXiv 1803.10335).

The loss compares each pixel with neighbors at several distances, which are called field
sizes. Two trainable tensors determine, for each class, how much each field size counts:
one tensor for pairs of pixels across an edge of the class, one for all other pairs. As
in the authors' code, both tensors start at 0. They are trained adversarially, to
increase the loss: the loss reverses their gradient.
"""

from flax import linen as nn

from jaxseg.typing import Array


class WithAffinity(nn.Module):
    """Wraps a network and adds two trainable tensors for the adaptive affinity loss.

    The parameters of the network keep their names. The wrapper adds `aux_affinity_edge`
    and `aux_affinity_same`, each of shape [K * sizes]. They are vectors because the
    optimizer applies no weight decay to vectors. In training, the outputs gain the key
    "affinity": the two tensors reshaped to [K, sizes].

    Attributes:
      network: The network to wrap.
      num_classes: K.
      sizes: Number of field sizes, the distances at which the loss compares neighbors.
    """

    network: nn.Module
    num_classes: int
    sizes: int = 3

    def setup(self):
        nn.share_scope(self, self.network)

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict:
        outputs = self.network(image, train=train)
        shape = (self.num_classes, self.sizes)
        weights = tuple(
            self.param(
                f"aux_affinity_{kind}",
                nn.initializers.zeros_init(),
                (shape[0] * shape[1],),
            ).reshape(shape)
            for kind in ("edge", "same")
        )
        return outputs | {"affinity": weights} if train else outputs
