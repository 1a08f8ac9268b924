"""Graph interaction unit of GINet (arXiv 2009.06160).

A visual graph of pooled pixels and a semantic graph of class words exchange messages:

    P = Z^T X W / N,  S = MLP(words)
    P_o = P + beta_p * softmax_words((W_p P)(W_s S)^T) S W_sv
    S_o = S + beta_s * softmax_nodes((W_s S)(W_p P)^T) P W_vs
    X_o = X + norm(Z P_o W_o)

P are the nodes of the visual graph and S those of the semantic graph. Z assigns the N
pixels of X to nodes, and all W are learned matrices. There is one beta per node, and
all start at 0. The equations are those of the paper. With `graph_convolution`, a graph
convolution like that of GloRe is first applied to each graph, as in PaddleSeg.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.graph import NodeMixing, Project
from jaxseg.nn.layers import Conv, Norm
from jaxseg.nn.transformer import Linear
from jaxseg.ops.graph import pool_nodes, spread_nodes
from jaxseg.typing import Array


class WordEncoder(nn.Module):
    """Encodes word vectors with two linear layers, each with normalization and ReLU."""

    features: int = 256
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, words: Array, *, train: bool) -> Array:
        """Maps word vectors [B, K, 300] to [B, K, features]."""
        x = words.astype(self.style.dtype)
        for index, features in enumerate((max(self.features // 2, 1), self.features)):
            x = Linear(features, style=self.style, name=f"linear{index}")(x)
            x = Norm(self.style, name=f"norm{index}")(x, train=train)
            x = nn.relu(x)
        return x


class GraphInteraction(nn.Module):
    """Updates pixel features and class states with messages between their graphs.

    Attributes:
      nodes: Number of nodes of the visual graph; 64 in the paper.
      features: Number of channels of each node; 256 in the paper.
      graph_convolution: Whether the graph convolution ReLU(V + A V + b) W_g is first
        applied to the nodes V of each graph.
      class_message: How a message updates the states S of the classes. "paper" computes
        S + beta * message. "paddle" computes beta * S + message, as in PaddleSeg. beta
        is learned for each class.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    nodes: int = 64
    features: int = 256
    graph_convolution: bool = True
    class_message: str = "paper"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, words: Array, *, train: bool) -> tuple[Array, Array]:
        """Updates both graphs.

        Args:
          x: Pixel features [B, H, W, C].
          words: Class states [1, K, features] or [B, K, features].
          train: Whether to use the statistics of the batch.

        Returns:
          X_o [B, H, W, C] and S_o [B, K, features].
        """
        assign = Conv(self.nodes, 1, style=self.style, name="assign")(x)
        state = Conv(self.features, 1, style=self.style, name="state")(x)
        visual = pool_nodes(assign, state, normalize=True)
        words = jnp.broadcast_to(words, (x.shape[0], *words.shape[1:]))
        words = words.astype(visual.dtype)
        if self.graph_convolution:
            visual = self._convolve(visual, "visual")
            words = self._convolve(words, "word")
        visual, words = self._interact(visual, words)
        y = spread_nodes(assign, visual)
        y = Conv(x.shape[-1], 1, bias=False, style=self.style, name="extend")(y)
        return x + Norm(self.style, name="norm")(y, train=train), words

    def _convolve(self, nodes, name):
        mixed = NodeMixing(self.style, name=f"{name}_mix")(nodes)
        project = Project(nodes.shape[-1], self.style, name=f"{name}_update")
        return project(nn.relu(mixed))

    def _interact(self, visual, words):
        if self.class_message not in ("paper", "paddle"):
            raise ValueError(
                f"class_message={self.class_message!r} is invalid: expected 'paper' or "
                "'paddle'."
            )

        def linear(features, name):
            return Linear(features, style=self.style, name=name)

        inner = max(self.features // 2, 1)
        query = linear(inner, "query")(words)
        key = linear(inner, "key")(visual)
        energy = jnp.einsum("bkd,bnd->bnk", query, key).astype(jnp.float32)
        to_visual = jax.nn.softmax(energy, axis=2).astype(visual.dtype)
        to_words = jax.nn.softmax(energy, axis=1).astype(visual.dtype)
        word_value = linear(self.features, "word_value")(words)
        visual_value = linear(self.features, "visual_value")(visual)
        word_message = jnp.einsum("bnk,bkd->bnd", to_visual, word_value)
        visual_message = jnp.einsum("bnk,bnd->bkd", to_words, visual_value)
        zeros = nn.initializers.zeros
        beta_p = self.param("beta_visual", zeros, (visual.shape[1],))[None, :, None]
        beta_s = self.param("beta_word", zeros, (words.shape[1],))[None, :, None]
        beta_p, beta_s = beta_p.astype(visual.dtype), beta_s.astype(visual.dtype)
        visual = visual + beta_p * word_message
        if self.class_message == "paper":
            return visual, words + beta_s * visual_message
        return visual, beta_s * words + visual_message
