"""HRNet: parallel branches at four resolutions that exchange their maps repeatedly.

Each branch keeps its resolution. The pyramid has c2 to c5 with widths C, 2C, 4C and 8C.
The connections follow the authors' segmentation code.

References:
  arXiv 1904.04514 and 1908.07919.
"""

from typing import Any

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.residual import BasicBlock, Bottleneck
from jaxseg.ops.residual import residual_add
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

# Attributes of the published small networks. "W18 small v1" does have width 16.
SMALL: dict[str, dict[str, Any]] = {
    "small_v1": {
        "width": 16,
        "first_blocks": 1,
        "first_features": 32,
        "blocks": 2,
        "modules": (1, 1, 1),
    },
    "small_v2": {
        "width": 18,
        "first_blocks": 2,
        "first_features": 64,
        "blocks": 2,
        "modules": (1, 3, 2),
    },
}


class HRNet(nn.Module):
    """Computes maps "c2" [B, H/4, W/4, C] to "c5" [B, H/32, W/32, 8C], rounded up.

    Attributes:
      width: C, the number of channels of the finest branch: 18, 32 or 48.
      stem: Number of channels of the two stem convolutions.
      first_blocks: Number of bottlenecks of stage 1.
      first_features: Number of inner channels of those bottlenecks.
      blocks: Number of basic blocks of each branch in each module.
      modules: Number of modules of stages 2, 3 and 4.
      align_corners: Whether upsampling between branches aligns corners: False in the
        paper's code, True in the git branch HRNet-OCR of that code.
      method: The upsampling between branches: "bilinear", or "nearest" as in the
        classification networks.
      two_step: Whether to upsample by a power of two first and then resize to the exact
        size, as MMSegmentation does. The results differ if a side of the image is not a
        multiple of 32.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    width: int = 48
    stem: int = 64
    first_blocks: int = 4
    first_features: int = 64
    blocks: int = 4
    modules: tuple[int, int, int] = (1, 4, 3)
    align_corners: bool = False
    method: str = "bilinear"
    two_step: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        x = image
        for index in (1, 2):
            x = self._conv(self.stem, 2, f"stem{index}")(x, train=train)
        for index in range(self.first_blocks):
            name = f"layer1_{index}"
            block = Bottleneck(self.first_features, style=self.style, name=name)
            x = block(x, train=train)
        branches = [x]
        for stage, count in enumerate(self.modules, start=2):
            branches = self._transition(branches, stage, train)
            for index in range(count):
                module = ExchangeModule(
                    self.blocks,
                    align_corners=self.align_corners,
                    method=self.method,
                    two_step=self.two_step,
                    style=self.style,
                    name=f"stage{stage}_{index}",
                )
                branches = module(branches, train=train)
        return {f"c{i + 2}": branch for i, branch in enumerate(branches)}

    def _conv(self, features, stride, name):
        return ConvNormAct(
            features, kernel=3, stride=stride, style=self.style, name=name
        )

    def _transition(self, branches, stage, train):
        """Opens a branch from the last one; stage 2 also convolves the first branch."""
        name = f"transition{stage - 1}"
        new = self._conv(self.width * 2 ** (stage - 1), 2, f"{name}_{stage - 1}")
        opened = new(branches[-1], train=train)
        if stage == 2:
            first = self._conv(self.width, 1, f"{name}_0")
            branches = [first(branches[0], train=train)]
        return [*branches, opened]


class ExchangeModule(nn.Module):
    """Applies basic blocks to all branches and fuses them: y_i = ReLU(sum_j T_ij(x_j)).

    T_ii is the identity. From a coarser branch, T_ij is a 1x1 convolution with
    normalization and upsampling to the size of x_i. From a finer branch, it consists of
    i - j strided 3x3 convolutions with normalization and ReLU between them.
    """

    blocks: int = 4
    align_corners: bool = False
    method: str = "bilinear"
    two_step: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, branches: list[Array], *, train: bool) -> list[Array]:
        """Maps branches [B, H_i, W_i, C_i] to the same shapes."""
        branches = [self._deepen(x, i, train) for i, x in enumerate(branches)]
        indices = range(len(branches))
        return [
            residual_add(
                *(self._move(branches, j=j, i=i, train=train) for j in indices),
                relu=True,
            )
            for i in indices
        ]

    def _deepen(self, x, i, train):
        for index in range(self.blocks):
            name = f"branch{i}_{index}"
            x = BasicBlock(x.shape[-1], style=self.style, name=name)(x, train=train)
        return x

    def _move(self, branches, j, i, train):
        """Computes T_ij: returns branch j in the shape of branch i."""
        x, target = branches[j], branches[i]
        if i == j:
            return x
        if j > i:
            x = self._conv(
                target.shape[-1], kernel=1, stride=1, act="none", name=f"fuse{i}_{j}"
            )(x, train=train)
            sizes = [target.shape[1:3]]
            if self.two_step:
                sizes.insert(0, tuple(n * 2 ** (j - i) for n in x.shape[1:3]))
            return self._enlarge(x, sizes)
        for step in range(i - j):
            last = step == i - j - 1
            features = target.shape[-1] if last else x.shape[-1]
            act = "none" if last else "relu"
            layer = self._conv(
                features, kernel=3, stride=2, act=act, name=f"fuse{i}_{j}_{step}"
            )
            x = layer(x, train=train)
        return x

    def _conv(self, features, kernel, stride, act, name):
        return ConvNormAct(
            features, kernel, stride, act=act, style=self.style, name=name
        )

    def _enlarge(self, x, sizes):
        aligned = self.align_corners and self.method == "bilinear"
        for size in sizes:
            x = resize(x, size, method=self.method, align_corners=aligned)
        return x
