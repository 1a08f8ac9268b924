"""What differs between segmentation, pix2pix, Probabilistic U-Net and point clouds."""
