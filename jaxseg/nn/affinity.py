"""Learns the field sizes of the adaptive affinity field loss (arXiv 1803.10335).

Two trainable tensors weight the terms of the loss for each class and field size. A
field size is the distance to the neighbors that the loss compares. As in the authors'
code, both tensors start at 0. The network trains them adversarially: the loss reverses
their gradient.
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
