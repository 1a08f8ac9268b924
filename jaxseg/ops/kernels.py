"""Returns bilinear and Sobel kernels as NumPy float32 arrays."""

import numpy as np


def bilinear_profile(k: int) -> np.ndarray:
    """Returns the k weights of FCN's bilinear kernel along one axis, float32 [k].

    Weight i is 1 - |i - c| / f, where f is (k + 1) // 2 and c is the center of the
    kernel, (k - 1) / 2.
    """
    factor = (k + 1) // 2
    center = factor - 1 if k % 2 else factor - 0.5
    return (1 - np.abs(np.arange(k) - center) / factor).astype(np.float32)


def bilinear_kernel(k: int) -> np.ndarray:
    """Returns FCN's bilinear kernel [k, k] (arXiv 1411.4038).

    Its center is (k - 1) / 2 along each axis. In Caffe and MXNet, the center is f - 1/2
    if f = ceil(k / 2) is even, and f - 1 if f is odd. Their kernel is therefore the
    same for k = 4, 8, 12, 16, 32 and 64, but differs for k = 2, 3, 6 and 7.
    """
    profile = bilinear_profile(k)
    return np.outer(profile, profile)


def sobel_kernels() -> np.ndarray:
    """Returns Sobel kernels [2, 3, 3]: derivatives along x (columns) and y (rows).

    They are oriented for correlation, which is what `lax` calls convolution.
    """
    smooth, slope = np.array([1, 2, 1]), np.array([-1, 0, 1])
    return np.stack([np.outer(smooth, slope), np.outer(slope, smooth)]).astype(
        np.float32
    )
