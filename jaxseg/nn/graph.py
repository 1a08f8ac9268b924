"""Units that pool pixels to graph nodes and apply graph convolution: GloRe and GCU.

`GloReUnit` comes from arXiv 1811.12814, `GraphUnit` is the graph convolutional unit
(GCU) of "Beyond Grids" (Li and Gupta, NeurIPS 2018). The equations are those of the
papers. Where a paper does not specify a detail, the docstring states what this
implementation does.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Norm
from jaxseg.nn.transformer import Linear
from jaxseg.ops.graph import (
    anchor_assignment,
    anchor_nodes,
    gram,
    pool_nodes,
    spread_nodes,
)
from jaxseg.typing import Array


class NodeMixing(nn.Module):
    """Mixes the nodes V of a graph with learned weights A and bias b: V + A V + b."""

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, nodes: Array) -> Array:
        """Maps [B, M, S] to the same shape."""
        mixed = Linear(nodes.shape[1], style=self.style, name="linear")
        return nodes + jnp.swapaxes(mixed(jnp.swapaxes(nodes, 1, 2)), 1, 2)


class Project(nn.Module):
    """Multiplies the last axis of an array by a learned matrix, without bias."""

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., C] to [..., features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), shape)
        dtype = self.style.dtype
        return jnp.einsum("...c,cd->...d", x.astype(dtype), kernel.astype(dtype))


class GloReUnit(nn.Module):
    """Pools pixels to graph nodes, applies a graph convolution and projects nodes to
    pixels.

    For the N pixels x [N, C], it computes x + norm(B V' W_e), where B = x W_p + b_p
    assigns pixels to nodes [N, M] (without softmax), H = x W_s + b_s [N, S] are their
    states, V = B^T H are the nodes [M, S], and V' = ReLU(V + A V + b) W_g. A, all W and
    all b are learned.

    Attributes:
      states: Number of channels of a node, S.
      nodes: Number of nodes, M.
      normalize: Whether to divide V by the number of pixels, so that its magnitude does
        not depend on the image size. The paper does not divide.
      relu_last: Whether ReLU follows W_g, as in PaddleSeg, or precedes it.
      scale_init: Initial scale of the last normalization. With 0, the unit is the
        identity at initialization.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    states: int = 128
    nodes: int = 64
    normalize: bool = False
    relu_last: bool = False
    scale_init: float = 0.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        state = Conv(self.states, 1, style=self.style, name="state")(x)
        assign = Conv(self.nodes, 1, style=self.style, name="assign")(x)
        nodes = pool_nodes(assign, state, normalize=self.normalize)
        nodes = NodeMixing(self.style, name="mix")(nodes)
        project = Project(self.states, self.style, name="update")
        last = self.relu_last
        nodes = nn.relu(project(nodes)) if last else project(nn.relu(nodes))
        y = spread_nodes(assign, nodes)
        y = Conv(x.shape[-1], 1, bias=False, style=self.style, name="extend")(y)
        norm = Norm(self.style, epsilon=1e-4, scale_init=self.scale_init, name="norm")
        return x + norm(y, train=train)


class GraphUnit(nn.Module):
    """Assigns pixels to learned anchors, convolves on their graph and projects back.

    Q is the soft assignment of pixels to anchors
    (`jaxseg.ops.graph.anchor_assignment`). Z contains, for each anchor, the mean
    difference between its pixels and the anchor, scaled to unit length. With
    A = Z Z^T and Z' = ReLU(norm(A Z W_g)), the result is Q Z'. Each anchor has a scale
    for each channel, the sigmoid of a trained parameter. Q and Z divide the difference
    between a pixel and an anchor by the scales of the anchor.

    Attributes:
      vertices: Number of graph nodes, each with a learned anchor.
      features: Number of output channels.
      norm: Whether a normalization precedes the ReLU.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    vertices: int = 32
    features: int = 256
    norm: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, d] to [B, H, W, features]."""
        pixels = x.astype(jnp.float32)
        shape = (self.vertices, x.shape[-1])
        anchor = self.param("anchor", nn.initializers.normal(1.0), shape)
        scale = jax.nn.sigmoid(self.param("scale", nn.initializers.zeros, shape))
        assign = anchor_assignment(pixels, anchor, scale)
        nodes = anchor_nodes(pixels, assign=assign, anchor=anchor, scale=scale)
        nodes = jnp.einsum("bvw,bwd->bvd", gram(nodes), nodes)
        nodes = Project(self.features, self.style, name="graph")(nodes)
        if self.norm:
            nodes = Norm(self.style, name="norm")(nodes, train=train)
        y = spread_nodes(assign, nn.relu(nodes).astype(jnp.float32))
        return y.astype(self.style.dtype)
