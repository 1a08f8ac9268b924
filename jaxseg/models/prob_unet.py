"""Probabilistic U-Net: a distribution over segmentations (arXiv 1806.05034).

A U-Net computes features. A Gaussian over 6 numbers, the latent, is predicted from the
image (prior) or, in training, from image and label (posterior). 1x1 convolutions map
features and one latent to one sample of the segmentation. Layers and parameter counts
follow the sources: `LIDC` is the network of the paper's appendix H, `CITYSCAPES` that
of the authors' release.

Differs: kernels start He-normal as in the release (the paper has orthogonal ones), and
biases start at 0 (in both sources, they are drawn from a truncated normal distribution
with standard deviation 0.001).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, initializer, logits_float32
from jaxseg.ops.pool import avg_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array

LIDC = (32, 64, 128, 256, 512)  # As in appendix H of the paper.
CITYSCAPES = (32, 64, 128, 192, 192, 192, 192)  # As in the authors' release.
Gaussian = tuple[Array, Array]  # Mean and log standard deviation, each [B, L].


class Block(nn.Module):
    """Applies a sequence of `convs` 3x3 convolutions, each with ReLU."""

    features: int
    convs: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for i in range(self.convs):
            x = nn.relu(Conv(self.features, style=self.style, name=f"conv{i + 1}")(x))
        return x


class Encoder(nn.Module):
    """Applies blocks of convolutions with 2x2 average pooling between the blocks.

    It returns the output of each block.
    """

    widths: tuple[int, ...]
    convs: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> list[Array]:
        maps = []
        for i, features in enumerate(self.widths):
            if i > 0:
                x = avg_pool(x, window=2, ceil=True, count_include_pad=False)
            x = Block(features, self.convs, self.style, name=f"block{i}")(x)
            maps.append(x)
        return maps


class FeatureUNet(nn.Module):
    """Maps [B, H, W, C] to [B, H, W, widths[0]] with a U-Net without a classifier."""

    widths: tuple[int, ...]
    convs: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array) -> Array:
        maps = Encoder(self.widths, self.convs, self.style, name="encoder")(image)
        x = maps[-1]
        for i in reversed(range(len(maps) - 1)):
            up = resize(x, maps[i].shape[1:3], align_corners=True, impl=self.style.impl)
            x = jnp.concatenate([up, maps[i]], axis=-1)
            x = Block(self.widths[i], self.convs, self.style, name=f"up{i}")(x)
        return x


class LatentGaussian(nn.Module):
    """Predicts the Gaussian of the latent vector from an image and an optional label.

    It returns the mean and the logarithm of the standard deviation.
    """

    latent: int
    widths: tuple[int, ...]
    convs: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Gaussian:
        x = Encoder(self.widths, self.convs, self.style, name="encoder")(x)[-1]
        x = x.mean((1, 2), keepdims=True)
        head = Conv(2 * self.latent, 1, kernel_init="he", style=self.style, name="head")
        mean, log_deviation = jnp.split(head(x)[:, 0, 0].astype(jnp.float32), 2, -1)
        return mean, log_deviation


class Combine(nn.Module):
    """Applies 1x1 convolutions to the features and the latent vector of each pixel.

    The latent vector is the same at all pixels of an image.

    The first convolution multiplies features and latent by separate parts of its kernel
    and adds the results. If `jax.vmap` maps the call over several latents, the product
    of kernel and features is therefore computed only once.
    """

    outputs: int
    hidden: int
    convs: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, features: Array, latent: Array) -> Array:
        dtype, split = self.style.dtype, features.shape[-1]
        wide = split + latent.shape[-1]
        kernel = self.param("kernel", initializer("he"), (1, 1, wide, self.hidden))
        bias = self.param("bias", nn.initializers.zeros, (self.hidden,))
        kernel = kernel[0, 0].astype(dtype)
        x = features.astype(dtype) @ kernel[:split]
        shift = latent.astype(dtype) @ kernel[split:] + bias.astype(dtype)[None]
        x = nn.relu(x + shift[:, None, None])
        for i in range(self.convs - 2):
            x = nn.relu(Conv(self.hidden, 1, style=self.style, name=f"conv{i + 2}")(x))
        x = Conv(self.outputs, 1, style=self.style, name="classifier")(x)
        return logits_float32(x)


class ProbUNet(nn.Module):
    """Predicts a segmentation from an image and a latent vector.

    Without a label, the latent is the mean of the prior, or a sample of it if an rng
    named "dropout" is given. With a label, it is a sample of the posterior, and the
    output "extra_kl" is KL(posterior | prior) of each image in nats. To draw many
    samples of one image, call `encode` once and `combine` for each sample.

    Attributes:
      num_classes: Number of classes, K.
      widths: Numbers of channels of the scales.
      latent: Size of the latent, L.
      combining: Number of 1x1 convolutions after the latent, including the classifier.
      convs: Number of convolutions of each block.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    widths: tuple[int, ...] = LIDC
    latent: int = 6
    combining: int = 3
    convs: int = 3
    style: BlockConfig = BlockConfig()

    def setup(self):
        self.unet = FeatureUNet(self.widths, self.convs, self.style)
        net = (self.latent, self.widths, self.convs, self.style)
        self.prior = LatentGaussian(*net)
        self.posterior = LatentGaussian(*net)
        self.fcomb = Combine(
            self.num_classes,
            hidden=self.widths[0],
            convs=self.combining,
            style=self.style,
        )

    def __call__(
        self, image: Array, label: Array | None = None, *, train: bool = False
    ) -> dict[str, Array]:
        """Returns "logits" [B, H, W, K] and, with a label, "extra_kl" [B]."""
        del train  # The network behaves alike in training and evaluation.
        features, prior = self.encode(image)
        if self.is_initializing():
            blank = jnp.zeros(image.shape[:3], jnp.int32)
            self._posterior(image, blank if label is None else label)
        if label is None:
            latent = self._draw(prior) if self.has_rng("dropout") else prior[0]
            return {"logits": self.fcomb(features, latent)}
        posterior = self._posterior(image, label)
        logits = self.fcomb(features, self._draw(posterior))
        return {"logits": logits, "extra_kl": gaussian_kl(posterior, prior)}

    def encode(self, image: Array) -> tuple[Array, Gaussian]:
        """Computes the features and the prior of an image, which all its samples share.

        Returns:
          The features [B, H, W, F], and the mean and the logarithm of the standard
          deviation of the prior.
        """
        return self.unet(image), self.prior(image)

    def combine(self, features: Array, latent: Array) -> Array:
        """Maps features [B, H, W, F] and a latent vector [B, L] to logits.

        The logits are [B, H, W, K].
        """
        return self.fcomb(features, latent)

    def _posterior(self, image, label):
        mask = label_channels(label, self.num_classes).astype(image.dtype)
        return self.posterior(jnp.concatenate([image, mask], axis=-1))

    def _draw(self, gaussian):
        mean, log_deviation = gaussian
        noise = jax.random.normal(self.make_rng("dropout"), mean.shape)
        return mean + jnp.exp(log_deviation) * noise


def label_channels(label: Array, num_classes: int) -> Array:
    """Encodes labels [B, H, W] as input of the posterior: one-hot - 0.5, [B, H, W, K].

    All channels of a pixel without a class (void) are -0.5.
    """
    return jax.nn.one_hot(label, num_classes) - 0.5


def gaussian_kl(one: Gaussian, other: Gaussian) -> Array:
    """Computes the KL divergence KL(one | other) of Gaussians with diagonal covariance.

    It is the sum of ((s^2 + (m - m')^2) / s'^2 - 1) / 2 + log s' - log s over the
    dimensions of the latent, where m and s are mean and standard deviation of `one`,
    and m' and s' those of `other`.

    Returns:
      [B], in nats.
    """
    (mean, log_one), (mean_other, log_other) = one, other
    gap = (mean - mean_other) * jnp.exp(-log_other)
    ratio = jnp.exp(2 * (log_one - log_other))
    return 0.5 * (ratio + gap**2 - 1 + 2 * (log_other - log_one)).sum(-1)


def prob_unet(
    num_classes: int,
    *,
    widths: tuple[int, ...] = LIDC,
    latent: int = 6,
    combining: int = 3,
    convs: int = 3,
    style: BlockConfig = BlockConfig(),
) -> ProbUNet:
    """Creates the Probabilistic U-Net (arXiv 1806.05034), which has no normalization.

    Args:
      num_classes: Number of classes, K.
      widths: Numbers of channels of the scales: `LIDC` or `CITYSCAPES`, for example.
      latent: Number of dimensions of the latent vector.
      combining: Number of 1x1 convolutions after the latent, including the classifier.
      convs: Number of convolutions of each block.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If combining or latent is too small.
    """
    if combining < 2 or latent < 1:
        raise ValueError(
            f"combining={combining}, latent={latent} is invalid: expected combining of "
            "2 or more and latent of 1 or more."
        )
    return ProbUNet(
        num_classes,
        widths=tuple(widths),
        latent=latent,
        combining=combining,
        convs=convs,
        style=style,
    )
