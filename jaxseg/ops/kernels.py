"""Fixed kernels: bilinear fillers, Gaussian, Sobel. All NumPy float32, [kh, kw]."""

import numpy as np


def bilinear_profile(k: int) -> np.ndarray:
    """FCN's 1-D bilinear weights: 1 - |i - c| / f, f = (k + 1) // 2 [k]."""
    factor = (k + 1) // 2
    center = factor - 1 if k % 2 else factor - 0.5
    return (1 - np.abs(np.arange(k) - center) / factor).astype(np.float32)


def bilinear_kernel(k: int) -> np.ndarray:
    """FCN's bilinear filler, tested on the parity of k (arXiv 1411.4038) [k, k]."""
    profile = bilinear_profile(k)
    return np.outer(profile, profile)


def caffe_bilinear_kernel(k: int) -> np.ndarray:
    """Caffe's and MXNet's filler, which tests the parity of f = ceil(k / 2) [k, k].

    Equal to `bilinear_kernel` for k = 4, 8, 12, 16, 32, 64; different for 2, 3, 6, 7.
    """
    factor = -(-k // 2)
    center = (2 * factor - 1 - factor % 2) / (2 * factor)
    profile = (1 - np.abs(np.arange(k) / factor - center)).astype(np.float32)
    return np.outer(profile, profile)


def gaussian_kernel(k: int, sigma: float) -> np.ndarray:
    """Normalized Gaussian, sigma in pixels [k, k]."""
    if sigma <= 0:
        raise ValueError(f"sigma {sigma} must be positive")
    position = np.arange(k) - (k - 1) / 2
    profile = np.exp(-(position**2) / (2 * sigma**2))
    kernel = np.outer(profile, profile)
    return (kernel / kernel.sum()).astype(np.float32)


def sobel_kernels() -> np.ndarray:
    """Derivatives along x (columns) and y (rows) [2, 3, 3], correlation orientation."""
    smooth, slope = np.array([1, 2, 1]), np.array([-1, 0, 1])
    return np.stack([np.outer(smooth, slope), np.outer(slope, smooth)]).astype(
        np.float32
    )
