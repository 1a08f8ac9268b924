"""The one setting that every block of a network shares."""

import dataclasses

_NORMS = ("batch", "frozen", "group", "none")
_DTYPES = ("float32", "bfloat16")
_IMPLS = ("auto", "lax")


@dataclasses.dataclass(frozen=True)
class Style:
    """Normalization, number format and operator formulation of a network.

    Attributes:
      norm: "batch"; "frozen" (batch norm with fixed statistics, scale and shift);
        "group"; or "none".
      axis_name: the pmap axis over which batch statistics are averaged. Under
        jit with shardings they are global by themselves.
      dtype: of activations; parameters, statistics and logits stay float32.
      momentum: share of the old running statistics kept at each step
        (PyTorch's momentum 0.1 is 0.9 here).
      epsilon: added to the variance.
      groups: of group norm.
      batch_groups: with "batch", the number of equal parts of consecutive examples that
        are normalized apart (ghost batch normalization, arXiv 1705.08741); 1 is the
        whole batch, synchronized over devices. As many as devices is what PyTorch's
        plain BatchNorm does under data parallelism: no communication per layer.
      impl: "auto" or "lax", see `jaxseg.ops.conv`.
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
                    f"{field} {getattr(self, field)!r} is unknown; allowed are {values}"
                )
        if self.batch_groups < 1:
            raise ValueError(f"batch_groups is {self.batch_groups}; allowed is >= 1")
