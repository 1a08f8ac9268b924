"""Implements segmentation, pix2pix, the Probabilistic U-Net and point clouds as tasks."""
