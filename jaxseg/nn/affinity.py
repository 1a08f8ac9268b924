"""Learned sizes of the adaptive affinity field loss (arXiv 1803.10335).

How much each class's fields of each size count, as in the authors' code: two tensors
that start at 0. They are trained with the network, against it: the loss reverses their
gradient.
"""

from flax import linen as nn

from jaxseg.typing import Array


class WithAffinity(nn.Module):
    """A network that also holds the weights which the loss "affinity" learns.

    The network's parameters keep their names; added are aux_affinity_edge and
    aux_affinity_same [K * sizes], vectors because only those escape weight decay. In
    training the outputs have "affinity", the two as [K, sizes].
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
