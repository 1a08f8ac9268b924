"""Reasoning on a graph of pixels: GloRe, graph convolutional unit, graph interaction.

GloReUnit: arXiv 1811.12814. GraphUnit: GCU of "Beyond Grids", Li and Gupta, NeurIPS
2018.
GraphInteraction: GINet, arXiv 2009.06160. The equations are the papers'; where they
leave a choice, the docstring says which is taken.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.attention import flatten_pixels
from jaxseg.nn.block_config import Style
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
    """V + A V + b: learned weights between nodes, residual [B, M, S] -> the same."""

    style: Style = Style()

    @nn.compact
    def __call__(self, nodes: Array) -> Array:
        """See the class."""
        mixed = Linear(nodes.shape[1], style=self.style, name="linear")
        return nodes + jnp.swapaxes(mixed(jnp.swapaxes(nodes, 1, 2)), 1, 2)


class Project(nn.Module):
    """Linear map of the last axis without bias."""

    features: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., C] -> [..., features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), shape)
        dtype = self.style.dtype
        return jnp.einsum("...c,cd->...d", x.astype(dtype), kernel.astype(dtype))


class GloReUnit(nn.Module):
    """x + norm(B^T V' W_e): pool to nodes, mix nodes and states, spread back.

    H = x W_s + b, B = x W_p + b (no softmax), V = B^T H; V' = ReLU(V + A V + b) W_g.

    Args of the class:
      states, nodes: S and M.
      normalize: divide V by the number of pixels, so that another image size does not
        change its magnitude; the paper's unit does not.
      relu_last: ReLU behind W_g instead of before it, as PaddleSeg does.
      scale_init: of the closing norm; 0 makes the unit the identity at first.
    """

    states: int = 128
    nodes: int = 64
    normalize: bool = False
    relu_last: bool = False
    scale_init: float = 0.0
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[B, H, W, C] -> the same."""
        state = Conv(self.states, 1, style=self.style, name="state")(x)
        assign = Conv(self.nodes, 1, style=self.style, name="assign")(x)
        state, assign = flatten_pixels(state), flatten_pixels(assign)
        nodes = pool_nodes(assign, state, normalize=self.normalize)
        nodes = NodeMixing(self.style, name="mix")(nodes)
        project = Project(self.states, self.style, name="update")
        last = self.relu_last
        nodes = nn.relu(project(nodes)) if last else project(nn.relu(nodes))
        y = spread_nodes(assign, nodes).reshape(*x.shape[:3], -1)
        y = Conv(x.shape[-1], 1, bias=False, style=self.style, name="extend")(y)
        norm = Norm(self.style, epsilon=1e-4, scale_init=self.scale_init, name="norm")
        return x + norm(y, train=train)


class GraphUnit(nn.Module):
    """GCU: soft assignment to learned anchors, one graph convolution, re-projection.

    Q from distances, Z unit-length residuals, A = Z Z^T, Z' = ReLU(norm(A Z W_g)),
    output Q Z'. The scale is sigmoid of a free parameter. `norm=False` leaves out the
    norm.
    """

    vertices: int = 32
    features: int = 256
    norm: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[B, H, W, d] -> [B, H, W, features]."""
        flat = flatten_pixels(x).astype(jnp.float32)
        shape = (self.vertices, x.shape[-1])
        anchor = self.param("anchor", nn.initializers.normal(1.0), shape)
        scale = jax.nn.sigmoid(self.param("scale", nn.initializers.zeros, shape))
        assign = anchor_assignment(flat, anchor, scale)
        nodes = anchor_nodes(flat, assign, anchor, scale)
        nodes = jnp.einsum("bvw,bwd->bvd", gram(nodes), nodes)
        nodes = Project(self.features, self.style, name="graph")(nodes)
        if self.norm:
            nodes = Norm(self.style, name="norm")(nodes, train=train)
        y = spread_nodes(assign, nn.relu(nodes).astype(jnp.float32))
        return y.reshape(*x.shape[:3], -1).astype(self.style.dtype)
