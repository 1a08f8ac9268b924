"""Probabilistic U-Net: a distribution over segmentations (arXiv 1806.05034).

A U-Net gives features; a Gaussian over 6 numbers, the latent, is predicted from the
image (prior) or, in training, from image and label (posterior); 1x1 convolutions turn
features and one latent into one hypothesis. Faithful in layers and parameter counts:
`LIDC` is the paper's network of appendix H, `CITYSCAPES` that of the authors' release.

Differs: He-normal kernels as in the release (paper: orthogonal), biases start at 0
(both: truncated normal of 0.001).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, initializer, logits_float32
from jaxseg.ops.pool import avg_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array

LIDC = (32, 64, 128, 256, 512)
CITYSCAPES = (32, 64, 128, 192, 192, 192, 192)
Gaussian = tuple[Array, Array]  # mean and log of the deviation, [B, L] each


class Block(nn.Module):
    """`convs` times 3x3 convolution and ReLU."""

    features: int
    convs: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for i in range(self.convs):
            x = nn.relu(Conv(self.features, style=self.style, name=f"conv{i + 1}")(x))
        return x


class Encoder(nn.Module):
    """A block per entry of `widths`, 2x2 average pooling between; all maps."""

    widths: tuple[int, ...]
    convs: int
    style: Style = Style()

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
    """U-Net without a classifier: `[B, H, W, C]` to `[B, H, W, widths[0]]`."""

    widths: tuple[int, ...]
    convs: int
    style: Style = Style()

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
    """Image, or image and label, to mean and log deviation of the latent."""

    latent: int
    widths: tuple[int, ...]
    convs: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Gaussian:
        x = Encoder(self.widths, self.convs, self.style, name="encoder")(x)[-1]
        x = x.mean((1, 2), keepdims=True)
        head = Conv(2 * self.latent, 1, kernel_init="he", style=self.style, name="head")
        mean, log_deviation = jnp.split(head(x)[:, 0, 0].astype(jnp.float32), 2, -1)
        return mean, log_deviation


class Combine(nn.Module):
    """1x1 convolutions over the features with the latent at every pixel.

    The first is linear in both, so that the share of the features is computed once for
    any number of latents (`jax.vmap` over the latent alone).
    """

    outputs: int
    hidden: int
    convs: int
    style: Style = Style()

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
    """Probabilistic U-Net.

    Without a label the latent is the prior's mean, or a sample of the prior when an rng
    named "dropout" is given. With a label it is a sample of the posterior, and the
    output "extra_kl" holds KL(posterior | prior) of each image in nats.
    `encode` and `combine` are the halves from which many hypotheses are made.
    """

    num_classes: int
    widths: tuple[int, ...] = LIDC
    latent: int = 6
    combining: int = 3
    convs: int = 3
    style: Style = Style()

    def setup(self):
        self.unet = FeatureUNet(self.widths, self.convs, self.style)
        net = (self.latent, self.widths, self.convs, self.style)
        self.prior = LatentGaussian(*net)
        self.posterior = LatentGaussian(*net)
        self.fcomb = Combine(
            self.num_classes, self.widths[0], self.combining, self.style
        )

    def __call__(
        self, image: Array, label: Array | None = None, *, train: bool = False
    ) -> dict[str, Array]:
        """Map `[B, H, W, C]` (and int `[B, H, W]`) to `{"logits", "extra_kl"?}`."""
        del train  # nothing behaves otherwise in training
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
        """Features `[B, H, W, F]` and prior; the costly half, once per image."""
        return self.unet(image), self.prior(image)

    def combine(self, features: Array, latent: Array) -> Array:
        """Logits `[B, H, W, K]` of the hypothesis that a latent `[B, L]` stands for."""
        return self.fcomb(features, latent)

    def _posterior(self, image, label):
        mask = label_channels(label, self.num_classes).astype(image.dtype)
        return self.posterior(jnp.concatenate([image, mask], axis=-1))

    def _draw(self, gaussian):
        mean, log_deviation = gaussian
        noise = jax.random.normal(self.make_rng("dropout"), mean.shape)
        return mean + jnp.exp(log_deviation) * noise


def label_channels(label: Array, num_classes: int) -> Array:
    """What the posterior sees of a label [B, H, W]: one-hot - 0.5, [B, H, W, K].

    A void pixel is of no class: all its channels are -0.5.
    """
    return jax.nn.one_hot(label, num_classes) - 0.5


def gaussian_kl(one: Gaussian, other: Gaussian) -> Array:
    """KL(one | other) of axis-aligned Gaussians, nats, `[B]`.

    Sum over the latent of ((s^2 + (m - m')^2) / s'^2 - 1) / 2 + log s' - log s.
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
    style: Style = Style(),
) -> ProbUNet:
    """Probabilistic U-Net (arXiv 1806.05034).

    `widths` are the channels of the scales, `convs` the convolutions per block,
    `combining` the 1x1 convolutions behind the latent, classifier included. There is no
    normalization.
    """
    if combining < 2 or latent < 1:
        raise ValueError(
            f"combining {combining}, latent {latent}; allowed are >= 2 and >= 1"
        )
    return ProbUNet(num_classes, tuple(widths), latent, combining, convs, style)
