"""Defines the settings that all blocks of a network share."""

import dataclasses

from jaxseg.text import one_of

_NORMS = ("batch", "frozen", "group", "instance", "none")
_DTYPES = ("float32", "bfloat16")
_IMPLS = ("auto", "lax")


@dataclasses.dataclass(frozen=True)
class BlockConfig:
    """Configures the normalization, the dtype and the convolutions of a network.

    Attributes:
      norm: "batch"; "frozen" (batch norm with fixed statistics, scale and shift);
        "group"; "instance" (each channel of each image); or "none".
      axis_name: The pmap axis over which batch statistics are averaged. Under jit with
        shardings, the statistics cover the global batch even without it.
      dtype: Dtype of activations. Parameters, statistics and logits stay float32.
      momentum: Weight of the old running statistics in each update. PyTorch's momentum
        of 0.1 corresponds to 0.9 here.
      epsilon: Added to the variance.
      groups: Number of groups of group norm.
      batch_groups: With "batch", the number of equal parts of consecutive examples that
        are normalized separately (ghost batch normalization, arXiv 1705.08741). 1
        normalizes the whole batch, synchronized over devices. A value equal to the
        number of devices normalizes on each device separately, like PyTorch's BatchNorm
        under data parallelism, and avoids communication in each layer.
      impl: How convolutions are computed: "auto" chooses the fastest way, and "lax"
        calls `lax.conv_general_dilated`, see `jaxseg.ops.conv`.

    Raises:
      ValueError: If a field has a value that is not allowed.
    """

    norm: str = "batch"
    axis_name: str | None = None
    dtype: str = "float32"
    momentum: float = 0.9
    epsilon: float = 1e-5
    groups: int = 32
    impl: str = "auto"
    batch_groups: int = 1

    def __post_init__(self):
        allowed = {"norm": _NORMS, "dtype": _DTYPES, "impl": _IMPLS}
        for field, values in allowed.items():
            if getattr(self, field) not in values:
                raise ValueError(
                    f"{field}={getattr(self, field)!r} is invalid"
                    f"{one_of(getattr(self, field), values)}"
                )
        if self.batch_groups < 1:
            raise ValueError(
                f"batch_groups={self.batch_groups} is invalid: expected 1 or more."
            )
