"""Defines how networks are trained and evaluated, with one module for each task.

The tasks are the segmentation of images, the translation between photos and label maps
(pix2pix), the Probabilistic U-Net, and the segmentation of point clouds.
"""
