r"""Defines the rules of import tables, which map PyTorch's tensor names to variables.

A rule is `(source, target)` or `(source, target, transform)`. `source` is a regular
expression that must match a whole PyTorch key. `target` is a template such as
`params/backbone/layer\1_\2/conv1/conv/kernel` with `\1` for the groups, or `None` for a
tensor that is left out on purpose. The first matching rule applies.

A table also translates jaxseg's names back to PyTorch's. For this reason, a source
contains only literal text and groups, dots are escaped, groups are not nested, and
every group that can match more than one text appears in the target.

The functions below return tuples of rules, whose concatenation is a table. Their
argument `src` is the beginning of the regular expressions. Their argument `dst` is the
beginning of the templates, without the name of the collection (`params/`).
"""

Rule = tuple[str, str | None] | tuple[str, str | None, str]
Rules = tuple[Rule, ...]


def conv(src: str, dst: str) -> Rules:
    """Returns the rules that import the weights of a convolution.

    The weight changes from OIHW to HWIO.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return _kernel_bias(src, dst, "conv")


def conv_transpose(src: str, dst: str) -> Rules:
    """Returns the rules that import the weights of a transposed convolution.

    The weight changes from IOHW to HWIO.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return _kernel_bias(src, dst, "conv_transpose")


def linear(src: str, dst: str) -> Rules:
    """Returns the rules that import the weights of a dense layer.

    The weight changes from [out, in] to [in, out].

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return _kernel_bias(src, dst, "linear")


def linear_as_conv(src: str, dst: str, size: tuple[int, int] = (1, 1)) -> Rules:
    """Returns the rules that import a dense layer as a convolution.

    An example is the layer fc6 of FCN.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
      size: The kernel size (rows, columns).
    """
    return _kernel_bias(src, dst, f"linear_as_conv({size[0]}, {size[1]})")


def norm(src: str, dst: str) -> Rules:
    """Returns the rules that import a batch normalization.

    They import scale, bias, mean and variance, and leave out the counter of batches.
    """
    return (
        *layer_norm(src, dst),
        (rf"{src}\.running_mean", f"batch_stats/{dst}/mean"),
        (rf"{src}\.running_var", f"batch_stats/{dst}/var"),
        (rf"{src}\.num_batches_tracked", None),
    )


def layer_norm(src: str, dst: str) -> Rules:
    """Returns the rules that import a layer or group normalization: scale and bias.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return (
        (rf"{src}\.weight", f"params/{dst}/scale"),
        (rf"{src}\.bias", f"params/{dst}/bias"),
    )


def conv_norm(src_conv: str, src_norm: str, dst: str) -> Rules:
    """Returns the rules that import a `ConvNormAct`: a convolution and its batch norm.

    Args:
      src_conv: The beginning of the names of the convolution's tensors.
      src_norm: The beginning of the names of the normalization's tensors.
      dst: The beginning of the variables' paths, without `params/`.
    """
    return (*conv(src_conv, f"{dst}/conv"), *norm(src_norm, f"{dst}/norm"))


def drop(*sources: str) -> Rules:
    """Returns import rules that leave tensors out, such as heads of another task.

    Args:
      *sources: Regular expressions for the names of the tensors.
    """
    return tuple((source, None) for source in sources)


def prefixed(rules: Rules, *, src: str = "", dst: str = "") -> Rules:
    r"""Returns rules with prefixes before the tensor names and the variable paths.

    >>> prefixed((("fc", "params/fc/kernel"),), src=r"net\.", dst="backbone/")
    (('net\\.fc', 'params/backbone/fc/kernel'),)

    Args:
      rules: The rules.
      src: The prefix of the tensor names, a regular expression without groups.
      dst: The prefix of the variables' paths, inserted after `params/`.

    Raises:
      ValueError: If `src` contains a group, which would renumber the other groups.
    """
    if "(" in src:
        raise ValueError(
            f"src={src!r} is invalid: expected a pattern without groups. Remove the "
            "parentheses."
        )
    return tuple((src + rule[0], _below(rule[1], dst), *rule[2:]) for rule in rules)


def _below(target: str | None, dst: str) -> str | None:
    if target is None:
        return None
    collection, _, path = target.partition("/")
    return f"{collection}/{dst}{path}"


def _kernel_bias(src: str, dst: str, transform: str) -> Rules:
    return (
        (rf"{src}\.weight", f"params/{dst}/kernel", transform),
        (rf"{src}\.bias", f"params/{dst}/bias", "identity"),
    )
