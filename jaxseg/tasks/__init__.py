"""Defines the tasks: segmentation, pix2pix, Probabilistic U-Net and point clouds."""
