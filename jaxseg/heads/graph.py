"""Heads with graph units: GloRe, GCU and GINet.

None of the papers describes its segmentation head completely. Channel reductions,
dropout and widths follow the implementations that the docstrings cite. The docstrings
also say where jaxseg has made its own choice.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.graph import GloReUnit, GraphUnit
from jaxseg.nn.graph_interaction import GraphInteraction, WordEncoder
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.word_vectors import SIZE, random_words
from jaxseg.typing import Array, Pyramid


class GloReHead(nn.Module):
    """Applies GloRe units to c5 (arXiv 1811.12814).

    A 1x1 convolution with normalization and ReLU precedes the units; dropout and a 1x1
    classifier follow. This convolution and the dropout of single values follow
    PaddleSeg.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels after the first convolution.
      states: Number of channels of each graph node.
      nodes: Number of graph nodes of each unit.
      units: Number of GloRe units.
      normalize: Whether the values of the nodes are divided by the number of pixels.
      relu_last: Whether ReLU follows the last matrix product of the graph convolution,
        as in PaddleSeg, or precedes it.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    states: int = 128
    nodes: int = 64
    units: int = 1
    normalize: bool = True
    relu_last: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Returns logits [B, h, w, num_classes], float32."""
        reduce = ConvNormAct(self.features, 1, style=self.style, name="reduce")
        x = reduce(pyramid["c5"], train=train)
        for index in range(self.units):
            x = GloReUnit(
                self.states,
                nodes=self.nodes,
                normalize=self.normalize,
                relu_last=self.relu_last,
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
    """Applies several graph convolutional units to c5 and classifies all results.

    A 1x1 convolution with normalization and ReLU first reduces the channels of c5. The
    reduced map and the results of the units are concatenated. Dropout of whole
    channels precedes the 1x1 classifier. The units have 2, 4, 8 and 32 vertices of 256
    channels, as in the paper. The reduction to 512 channels and the concatenation
    are choices of this project.
    """

    num_classes: int
    features: int = 512
    vertices: tuple[int, ...] = (2, 4, 8, 32)
    unit_features: int = 256
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Returns logits [B, h, w, num_classes], float32."""
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
    """Applies the graph interaction of GINet to a map and classifies the result.

    A 3x3 convolution with normalization and ReLU comes first. Dropout of single values,
    as in PaddleSeg, and a 1x1 classifier come last. The collection `batch_stats` holds
    a word vector for each class as "words" [K, 300]. They are saved with the weights
    but not trained. Random vectors are the default; the function
    `jaxseg.nn.word_vectors.read_words` reads GloVe vectors to replace them.

    Attributes:
      num_classes: Number of classes K.
      features: Number of channels after the first convolution.
      nodes: Number of nodes of the visual graph.
      states: Number of channels of each node.
      graph_convolution: Whether a graph convolution is applied to the visual graph and
        to the class graph before they interact.
      class_message: How the class states S are updated by the message from the visual
        graph, with a learned factor beta: "paper" computes S + beta * message, "paddle"
        computes beta * S + message.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    nodes: int = 84
    states: int = 256
    graph_convolution: bool = True
    class_message: str = "paper"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """Maps [B, h, w, C] to logits [B, h, w, K] and class states [B, K, states]."""
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
            features=self.states,
            graph_convolution=self.graph_convolution,
            class_message=self.class_message,
            style=self.style,
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
