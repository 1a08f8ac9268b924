r"""The little language that import tables are written in.

A rule is `(source, target)` or `(source, target, transform)`. `source` is a
regular expression that must match a whole PyTorch key; `target` is a template such
as `params/backbone/layer\1_\2/conv1/conv/kernel` with `\1` for the groups, or
`None` for a tensor that is left out on purpose. The first matching rule wins.

So that a table can be read backwards (to write PyTorch names), a source is literal
outside its groups, dots are escaped, groups are not nested, and every group that can
match more than one text appears in the target.

The helpers below take `src`, a regex prefix, and `dst`, a template prefix without
its collection, and return a tuple of rules to be concatenated.
"""

Rule = tuple[str, str | None] | tuple[str, str | None, str]
Rules = tuple[Rule, ...]


def conv(src: str, dst: str) -> Rules:
    """Convolution: weight OIHW -> kernel HWIO, bias."""
    return _kernel_bias(src, dst, "conv")


def conv_transpose(src: str, dst: str) -> Rules:
    """Transposed convolution: weight IOHW -> kernel HWIO, bias."""
    return _kernel_bias(src, dst, "conv_transpose")


def linear(src: str, dst: str) -> Rules:
    """Dense layer: weight [out, in] -> kernel [in, out], bias."""
    return _kernel_bias(src, dst, "linear")


def linear_as_conv(src: str, dst: str, size: tuple[int, int] = (1, 1)) -> Rules:
    """Dense layer read as a convolution over `size` (FCN's "convolutionized" fc6)."""
    return _kernel_bias(src, dst, f"linear_as_conv({size[0]}, {size[1]})")


def norm(src: str, dst: str) -> Rules:
    """Batch normalization: scale, bias, mean, var; the batch counter is dropped."""
    return (
        *layer_norm(src, dst),
        (rf"{src}\.running_mean", f"batch_stats/{dst}/mean"),
        (rf"{src}\.running_var", f"batch_stats/{dst}/var"),
        (rf"{src}\.num_batches_tracked", None),
    )


def layer_norm(src: str, dst: str) -> Rules:
    """Layer or group normalization: scale and bias only."""
    return (
        (rf"{src}\.weight", f"params/{dst}/scale"),
        (rf"{src}\.bias", f"params/{dst}/bias"),
    )


def conv_norm(src_conv: str, src_norm: str, dst: str) -> Rules:
    """Convolution and its batch normalization into one `ConvNormAct` at `dst`."""
    return (*conv(src_conv, f"{dst}/conv"), *norm(src_norm, f"{dst}/norm"))


def drop(*sources: str) -> Rules:
    """Keys left out on purpose (buffers, heads of another task)."""
    return tuple((source, None) for source in sources)


def prefixed(rules: Rules, *, src: str = "", dst: str = "") -> Rules:
    r"""The same rules one level down: `src` before keys, `dst` before targets.

    >>> prefixed((("fc", "params/fc/kernel"),), src=r"net\.", dst="backbone/")
    (('net\\.fc', 'params/backbone/fc/kernel'),)

    Raises:
      ValueError: `src` holds a group, which would renumber the others.
    """
    if "(" in src:
        raise ValueError(f"src {src!r} must not hold a group")
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
