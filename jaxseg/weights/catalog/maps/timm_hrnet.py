"""Imports the HRNet classifiers of timm as `HRNet`.

The tensors in the authors' files have the same names as timm's. `BACKBONE` maps them to
a single `HRNet`. The layers that only the classifier needs are skipped.
"""

from jaxseg.weights.translate.rules import Rules, conv_norm, drop


def _opened(branch: int) -> Rules:
    """Returns the rules that import the weights of the convolution that opens a branch.

    Its transition has the same number.
    """
    source = rf"transition{branch}\.{branch}\.0"
    return conv_norm(rf"{source}\.0", rf"{source}\.1", f"transition{branch}_{branch}")


_BLOCK = r"layer1\.(\d+)"
_BRANCH = r"stage(\d)\.(\d+)\.branches\.(\d)\.(\d+)"
_FUSE = r"stage(\d)\.(\d+)\.fuse_layers\.(\d)\.(\d)"
BACKBONE = (
    *conv_norm(r"conv(\d)", r"bn(\d)", r"stem\1"),
    *conv_norm(rf"{_BLOCK}\.conv(\d)", rf"{_BLOCK}\.bn(\d)", r"layer1_\1/conv\2"),
    *conv_norm(
        rf"{_BLOCK}\.downsample\.0",
        rf"{_BLOCK}\.downsample\.1",
        r"layer1_\1/downsample/proj",
    ),
    *conv_norm(r"transition1\.0\.0", r"transition1\.0\.1", "transition1_0"),
    *_opened(1),
    *_opened(2),
    *_opened(3),
    *conv_norm(
        rf"{_BRANCH}\.conv(\d)", rf"{_BRANCH}\.bn(\d)", r"stage\1_\2/branch\3_\4/conv\5"
    ),
    *conv_norm(rf"{_FUSE}\.0", rf"{_FUSE}\.1", r"stage\1_\2/fuse\3_\4"),
    *conv_norm(rf"{_FUSE}\.(\d)\.0", rf"{_FUSE}\.(\d)\.1", r"stage\1_\2/fuse\3_\4_\5"),
)
CLASSIFIER = drop(
    r"(incre_modules|downsamp_modules|final_layer|classifier)\..*",
)
