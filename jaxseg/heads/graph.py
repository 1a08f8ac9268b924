"""Heads around the graph units: GloRe, GCU and GINet.

None of the papers fixes a segmentation head in every detail; the reductions, dropout
and widths here are those of the cited ports, or said to be ours.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import Style
from jaxseg.nn.graph import GloReUnit, GraphUnit
from jaxseg.nn.graph_interaction import GraphInteraction, WordEncoder
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.word_vectors import SIZE, random_words
from jaxseg.typing import Array, Pyramid


class GloReHead(nn.Module):
    """c5 -> 1x1-norm-ReLU -> GloRe unit(s) -> dropout, 1x1 (arXiv 1811.12814).

    Reduction and dropout, which takes single values, are PaddleSeg's. `normalize` and
    the others: see `GloReUnit`.
    """

    num_classes: int
    features: int = 512
    states: int = 128
    nodes: int = 64
    units: int = 1
    normalize: bool = True
    relu_last: bool = False
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """[B, h, w, num_classes] float32."""
        reduce = ConvNormAct(self.features, 1, style=self.style, name="reduce")
        x = reduce(pyramid["c5"], train=train)
        for index in range(self.units):
            x = GloReUnit(
                self.states,
                self.nodes,
                self.normalize,
                self.relu_last,
                style=self.style,
                name=f"unit{index}",
            )(x, train=train)
        head = Classifier(
            self.num_classes,
            dropout=0.1,
            style=self.style,
            channel_dropout=False,
            name="classifier",
        )
        return head(x, train=train)


class GraphUnitHead(nn.Module):
    """c5 -> 1x1-norm-ReLU -> x and several GCUs side by side -> channel dropout, 1x1.

    2, 4, 8 and 32 vertices of 256 channels as in the paper; the reduction to 512
    channels and the plain concatenation are ours.
    """

    num_classes: int
    features: int = 512
    vertices: tuple[int, ...] = (2, 4, 8, 32)
    unit_features: int = 256
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """[B, h, w, num_classes] float32."""
        reduce = ConvNormAct(self.features, 1, style=self.style, name="reduce")
        x = reduce(pyramid["c5"], train=train)
        parts = [x]
        for count in self.vertices:
            unit = GraphUnit(
                count, self.unit_features, style=self.style, name=f"unit{count}"
            )
            parts.append(unit(x, train=train))
        head = Classifier(
            self.num_classes, dropout=0.1, style=self.style, name="classifier"
        )
        return head(jnp.concatenate(parts, axis=-1), train=train)


class GraphInteractionHead(nn.Module):
    """Map [B, h, w, C] -> (logits [B, h, w, K], class states [B, K, states]).

    3x3-norm-ReLU, graph interaction, dropout of single values (PaddleSeg's), 1x1. The
    word vectors lie in the collection `batch_stats` as "words" [K, 300]: not trained,
    saved with the weights, and to be replaced by real ones
    (`jaxseg.nn.word_vectors.read_words`).
    """

    num_classes: int
    features: int = 512
    nodes: int = 84
    states: int = 256
    graph_convolution: bool = True
    class_message: str = "paper"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """See the class."""
        table = self.variable(
            "batch_stats",
            "words",
            lambda: jnp.asarray(random_words(self.num_classes, SIZE)),
        )
        encoder = WordEncoder(self.states, self.style, name="word_encoder")
        words = encoder(table.value[None], train=train)
        x = ConvNormAct(self.features, style=self.style, name="conv")(x, train=train)
        x, words = GraphInteraction(
            self.nodes,
            self.states,
            self.graph_convolution,
            self.class_message,
            self.style,
            name="interaction",
        )(x, words, train=train)
        head = Classifier(
            self.num_classes,
            dropout=0.1,
            style=self.style,
            channel_dropout=False,
            name="classifier",
        )
        return head(x, train=train), words
