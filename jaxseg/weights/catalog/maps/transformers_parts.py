"""Defines import rules for layers that several networks of transformers share.

transformers stores the queries, keys and values of an attention in three layers.
"""

from jaxseg.weights.translate.rules import Rules, conv_norm

JOINT = ("query", "key", "value")


def joined(src: str, dst: str, names: tuple[str, ...] = JOINT) -> Rules:
    """Returns the rules that import several dense layers as one.

    The outputs of the layers are concatenated in the order of `names`.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
      names: The last parts of the layers' names. A dot separates them from `src`.
    """
    count = len(names)
    return tuple(
        rule
        for index, name in enumerate(names)
        for rule in (
            (
                rf"{src}\.{name}\.weight",
                f"params/{dst}/kernel",
                f"linear_part({index}, {count})",
            ),
            (
                rf"{src}\.{name}\.bias",
                f"params/{dst}/bias",
                f"vector_part({index}, {count})",
            ),
        )
    )


def module(src: str, dst: str) -> Rules:
    """Returns the rules that import a `UperNetConvModule` as a `ConvNormAct`.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return conv_norm(rf"{src}\.conv", rf"{src}\.batch_norm", dst)
