"""Vision transformer that returns maps (arXiv 2010.11929, DeiT arXiv 2012.12877).

It has a patch embedding, a class token, a learned or rotary position embedding and
pre-norm layers. The outputs of selected layers are returned as maps. By default there
is no final normalization, because the heads of SETR (arXiv 2012.15840) normalize their
inputs. For an input of another size than `image_size`, the learned position
embedding is resized. A size that is not a multiple of the patch is padded at the bottom
and the right.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import depth_rates
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.transformer import LayerNorm, TransformerBlock
from jaxseg.ops.bicubic import resize_bicubic
from jaxseg.ops.resize import pad_to_multiple, resize
from jaxseg.ops.rotary import rotary_angles
from jaxseg.ops.tokens import TokenGrid
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid, Size

RESIZINGS = ("bilinear", "bicubic", "bicubic_antialias", "bicubic_offset")


class ViT(nn.Module):
    """Computes maps "layer<i>" [B, ceil(H/p), ceil(W/p), width] for each i in `taps`.

    Attributes:
      depth: Number of layers of the complete transformer.
      width: Number of channels of a token.
      heads: Number of attention heads.
      patch: Side of a patch, p, in pixels.
      image_size: Height and width of the images for which the position embedding is
        made, multiples of `patch`.
      taps: Indices of the layers whose outputs are returned as maps.
      drop_class_token: Whether to drop the class token before the first layer
        (SETR-MLA). Otherwise all layers process it, and only the returned maps omit it
        (SETR-naive and SETR-PUP).
      dropout: Dropout rate after the embedding and in the layers.
      patch_bias: Whether the patch embedding has a bias; MMSegmentation's has none.
      attention: "plain" computes all attention scores at once. "block" computes them in
        parts to save memory. "auto" chooses by their number.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      distilled: Whether a second token follows the class token, as in distilled DeiT.
      levels: Names of the maps in the pyramid, in the order of `taps`; () names them
        "layer<i>".
      registers: Number of register tokens (arXiv 2309.16588). They follow the class
        token, have no position, and are omitted from the returned maps.
      layer_scale: Initial value of a learned factor for each channel of the residual
        branches (LayerScale, arXiv 2103.17239); None for no such factors.
      class_position: Whether class tokens have position embeddings as patches do.
      resizing: The method that resizes the position embedding, see `resize_position`.
      final_norm: Whether the final normalization is applied to every returned map.
      class_maps: Whether the pyramid also contains the class token of each map under
        "class_<level>", [B, width].
      epsilon: Epsilon of all normalizations.
      drop_path: Rate of stochastic depth of the last layer. The rate grows linearly
        from 0 at the first layer.
      rotary: The base of the periods of a rotary position embedding, which replaces the
        learned one, see `jaxseg.ops.rotary.rotary_angles`; None for the learned one.
      qkv_bias: Whether a bias is added to queries, keys and values.
      gated: Whether the MLPs are SwiGLUs, see `TransformerBlock`.

    Raises:
      ValueError: If taps, image size or resizing are not allowed.
    """

    depth: int = 24
    width: int = 1024
    heads: int = 16
    patch: int = 16
    image_size: Size = (768, 768)
    taps: tuple[int, ...] = (23,)
    drop_class_token: bool = False
    dropout: float = 0.0
    patch_bias: bool = True
    attention: str = "auto"
    style: BlockConfig = BlockConfig()
    distilled: bool = False
    levels: tuple[str, ...] = ()
    registers: int = 0
    layer_scale: float | None = None
    class_position: bool = True
    resizing: str = "bilinear"
    final_norm: bool = False
    class_maps: bool = False
    epsilon: float = 1e-6
    drop_path: float = 0.0
    rotary: float | None = None
    qkv_bias: bool = True
    gated: bool = False

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the maps of the layers in `taps`."""
        self._check()
        x, grid = self._embed(image, train)
        angles = None
        if self.rotary is not None:
            channels = self.width // self.heads
            angles = rotary_angles(
                grid.size, channels, base=self.rotary, leading=grid.own
            )
            angles = grid.arrange(angles)
        (rates,) = depth_rates(self.drop_path, (self.depth,))
        pyramid, names = {}, iter(self.levels)
        norm = (
            LayerNorm(self.epsilon, self.style, name="norm")
            if self.final_norm
            else None
        )
        for index in range(max(self.taps) + 1):
            block = TransformerBlock(
                self.heads,
                dropout=self.dropout,
                attention=self.attention,
                style=self.style,
                layer_scale=self.layer_scale,
                epsilon=self.epsilon,
                drop_rate=rates[index],
                qkv_bias=self.qkv_bias,
                gated=self.gated,
                name=f"layer{index}",
            )
            x = block(x, train=train, angles=angles, grid=grid)
            if index in self.taps:
                y = x if norm is None else norm(x)
                name = next(names, f"layer{index}")
                pyramid[name] = grid.pixels(y)
                if self.class_maps:
                    pyramid[f"class_{name}"] = grid.others(y)[:, 0]
        return pyramid

    def _check(self):
        if not self.taps or max(self.taps) >= self.depth or min(self.taps) < 0:
            raise ValueError(
                f"taps={self.taps} is invalid: expected layer indices from 0 to "
                f"{self.depth - 1}."
            )
        if any(side % self.patch for side in self.image_size):
            raise ValueError(
                f"image_size={self.image_size} is invalid: expected a height and a "
                f"width that are multiples of patch={self.patch}."
            )
        if self.resizing not in RESIZINGS:
            raise ValueError(
                f"resizing={self.resizing!r} is invalid"
                f"{one_of(self.resizing, RESIZINGS)}"
            )
        if self.drop_class_token and (self.registers or self.class_maps):
            raise ValueError(
                "drop_class_token=True is invalid with registers or class_maps: "
                "expected False."
            )

    def _embed(self, image, train):
        """Returns the tokens [B, N, width] and the grid that describes them.

        Its own tokens are the class and register tokens unless they are dropped.
        """
        image, _ = pad_to_multiple(image, self.patch)
        x = Conv(
            self.width,
            kernel=self.patch,
            stride=self.patch,
            padding=0,
            bias=self.patch_bias,
            style=self.style,
            name="patch",
        )(image)
        batch, *size, width = x.shape
        names = ("class_token", "distillation_token")[: 1 + self.distilled]
        zeros = nn.initializers.zeros
        each = [self.param(name, zeros, (1, 1, width)) for name in names]
        own = jnp.concatenate(each, axis=1).astype(x.dtype)
        own = jnp.broadcast_to(own, (batch, len(names), width))
        if self.rotary is None:
            count = own.shape[1] if self.class_position else 0
            position = self._position(count, tuple(size), x.dtype)
            if count:
                own = own + position[:, :count]
            x = x + position[:, count:].reshape(1, *size, width)
        if self.registers:
            normal = nn.initializers.truncated_normal(0.02)
            shape = (1, self.registers, width)
            tokens = self.param("register_tokens", normal, shape).astype(x.dtype)
            tokens = jnp.broadcast_to(tokens, (batch, self.registers, width))
            own = jnp.concatenate([own, tokens], axis=1)
        grid = TokenGrid(tuple(size), own.shape[1])
        x = Dropout(self.dropout)(grid.join(own, x), train=train)
        if not self.drop_class_token:
            return x, grid
        rest = TokenGrid(grid.size)
        return rest.join(own[:, :0], grid.pixels(x)), rest

    def _position(self, entries, size, dtype):
        """Returns the learned position embedding for a map of `size`.

        `entries` is the number of class tokens that have a position.
        """
        grid = tuple(side // self.patch for side in self.image_size)
        shape = (1, entries + grid[0] * grid[1], self.width)
        normal = nn.initializers.truncated_normal(0.02)
        position = self.param("position", normal, shape)
        return resize_position(position, grid, size, self.resizing).astype(dtype)


def vit_pyramid(
    *,
    depth: int = 12,
    taps: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
    **options,
) -> ViT:
    """Creates a vision transformer whose maps are the levels c2 to c5 of a pyramid.

    Each level has one feature pixel per patch.

    Args:
      depth: Number of layers, at least 4.
      taps: Indices of the four layers whose outputs are the levels, in ascending order.
        None takes the outputs after a quarter, a half, three quarters and all of the
        layers.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      **options: Further attributes of `ViT`, such as `width`, `heads` and `image_size`.

    Raises:
      ValueError: If the depth is below 4, or if `taps` are not four layers in ascending
        order.
    """
    if depth < 4:
        raise ValueError(f"depth={depth} is invalid: expected 4 or more layers.")
    if taps is None:
        taps = tuple(depth * part // 4 - 1 for part in (1, 2, 3, 4))
    if len(taps) != 4 or sorted(set(taps)) != list(taps):
        raise ValueError(
            f"taps={taps} is invalid: expected four layer indices in ascending order."
        )
    levels = ("c2", "c3", "c4", "c5")
    return ViT(depth, taps=taps, levels=levels, style=style, **options)


def resize_position(
    position: Array, grid: Size, size: Size, resizing: str = "bilinear"
) -> Array:
    """Resizes a position embedding with half-pixel centers.

    Args:
      position: The embedding, [1, tokens + h * w, D]. The vectors of the class tokens
        do not change.
      grid: (h, w) of the embedding.
      size: (h, w) of the result.
      resizing: "bilinear"; "bicubic"; "bicubic_antialias", which widens the kernel when
        the embedding shrinks; or "bicubic_offset", which computes positions as if
        the result had 0.1 more rows and columns, as in the first DINOv2 networks.

    Returns:
      [1, tokens + h * w, D] with the h and w of `size`.
    """
    if grid == size:
        return position
    width = position.shape[-1]
    own = position.shape[1] - grid[0] * grid[1]
    plane = position[:, own:].reshape(1, *grid, width)
    if resizing == "bilinear":
        plane = resize(plane, size)
    else:
        antialias = resizing == "bicubic_antialias"
        offset = 0.1 if resizing == "bicubic_offset" else 0.0
        plane = resize_bicubic(plane, size, antialias=antialias, offset=offset)
    return jnp.concatenate([position[:, :own], plane.reshape(1, -1, width)], axis=1)
