"""Defines `ResNetVariant`: how the ResNets of several libraries differ.

`VARIANTS` contains a preset for each library.

No field changes the names of parameters, and only the stem changes their shapes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxseg.text import one_of

_STEMS = ("7x7", "c", "d", "beta")
_STRIDE_IN = ("conv1", "conv2", "last")
_DENSE_POOLS = ("atrous", "adjacent", "none")


@dataclasses.dataclass(frozen=True)
class ResNetVariant:
    """Describes how a ResNet differs from those of other libraries.

    Attributes:
      stem: "7x7" (original ResNet, torchvision); "c" and "d" (three 3x3 convolutions,
        "d" also with average pooling in the shortcuts; arXiv 1812.01187); or "beta"
        (three 3x3 convolutions that end with 128 channels, as in DeepLab and PSPNet).
      stride_in: The layer that has the stride: "conv2" (torchvision), "conv1" (Caffe),
        or "last": the last unit of the preceding stage (TF-slim, DeepLab v3's own
        networks). c2 to c4 are then taken before that unit.
      eager_rate: Whether an atrous rate that replaces a stride begins in the layer that
        had the stride, as in segmentation_models.pytorch, and not in the layer after
        it. Differs: only with False does the network compute the features of the
        network with strides.
      dense_pool: The average pooling of a shortcut whose stride is replaced by an
        atrous rate, in networks with the stem "d". "atrous" averages the same pixels as
        in the network with strides. "adjacent" averages neighboring pixels, with zeros
        outside the map (timm). "none" does not average (MMSegmentation).
      second_rate: Whether the second convolution of a basic block is atrous as well. In
        MMSegmentation only the first one is.
      stage_rates: Rates of the four stages, independent of their strides, as in
        MMSegmentation's FastFCN. The first unit of a stage takes half of the rate. None
        derives the rates from the output stride.
      ceil: Whether the size after max pooling is rounded up, as in Caffe (DeepLab v2):
        an even side of n pixels becomes n / 2 + 1 cells. PyTorch's networks round down.

    Raises:
      ValueError: If a field has a value that is not allowed.
    """

    stem: str = "7x7"
    stride_in: str = "conv2"
    eager_rate: bool = False
    dense_pool: str = "atrous"
    second_rate: bool = True
    stage_rates: tuple[int, int, int, int] | None = None
    ceil: bool = False

    def __post_init__(self):
        allowed = {
            "stem": _STEMS,
            "stride_in": _STRIDE_IN,
            "dense_pool": _DENSE_POOLS,
        }
        for field, values in allowed.items():
            if getattr(self, field) not in values:
                raise ValueError(
                    f"{field}={getattr(self, field)!r} is invalid"
                    f"{one_of(getattr(self, field), values)}"
                )

        for field in ("eager_rate", "second_rate", "ceil"):
            if not isinstance(getattr(self, field), bool):
                raise ValueError(
                    f"{field}={getattr(self, field)!r} is invalid: expected True or "
                    "False."
                )
        rates = self.stage_rates
        if rates is not None and (
            not isinstance(rates, tuple)
            or len(rates) != 4
            or any(type(rate) is not int or rate < 1 for rate in rates)
        ):
            raise ValueError(
                f"stage_rates={rates!r} is invalid: expected None or four whole "
                "numbers of at least 1, such as (1, 1, 2, 4)."
            )

    def shortcut(self, stride: int) -> str:
        """Returns how the shortcut of a residual unit downsamples.

        The result is "conv", a strided 1x1 convolution; "avg", average pooling before
        it; or "avg_zero", average pooling in which pixels outside the map count as
        zeros. `jaxseg.nn.residual.Shortcut` describes them.

        Args:
          stride: The stride of the unit, 1 if an atrous rate replaces its stride.
        """
        if self.stem != "d" or (self.dense_pool == "none" and stride == 1):
            return "conv"
        return "avg_zero" if self.dense_pool == "adjacent" else "avg"


FIELDS = tuple(field.name for field in dataclasses.fields(ResNetVariant))

TORCHVISION = ResNetVariant()
# The original networks, as DeepLab v2 has them.
CAFFE = ResNetVariant(stride_in="conv1", ceil=True)
# DeepLab v3 and v3+ of the authors.
SLIM = ResNetVariant(stem="beta", stride_in="last")
# The authors' PyTorch networks of PSPNet, and those of FastFCN and OCRNet.
BETA = ResNetVariant(stem="beta")
# ResNet-D (`resnet50d`); timm's plain networks equal torchvision's.
TIMM = ResNetVariant(stem="d", dense_pool="adjacent")
SMP = ResNetVariant(eager_rate=True)
# ResNet-v1c, the default of MMSegmentation's configurations.
MMSEG = ResNetVariant(stem="c", dense_pool="none", second_rate=False)

VARIANTS = {
    "torchvision": TORCHVISION,
    "caffe": CAFFE,
    "slim": SLIM,
    "beta": BETA,
    "timm": TIMM,
    "smp": SMP,
    "mmseg": MMSEG,
}


def resnet_variant(
    variant: ResNetVariant | str | Mapping[str, Any], **fields
) -> ResNetVariant:
    """Returns a copy of a variant with some fields replaced.

    >>> resnet_variant("caffe", ceil=False)
    ResNetVariant(stem='7x7', stride_in='conv1', eager_rate=False, \
dense_pool='atrous', second_rate=True, stage_rates=None, ceil=False)

    Args:
      variant: A variant, a name of `VARIANTS`, or fields of a variant by name, as a
        stored configuration has them.
      **fields: The fields to replace.

    Raises:
      ValueError: If the name or a field is unknown, or a value is not allowed.
    """
    if isinstance(variant, str):
        if variant not in VARIANTS:
            raise ValueError(
                f"variant={variant!r} is invalid{one_of(variant, VARIANTS)}"
            )
        variant = VARIANTS[variant]
    if isinstance(variant, Mapping):
        if unknown := sorted(set(variant) - set(FIELDS)):
            raise ValueError(
                f"variant={dict(variant)} is invalid: expected only fields from "
                f"{FIELDS}, but it has {unknown}."
            )
        variant = ResNetVariant(**variant)
    return dataclasses.replace(variant, **fields)
