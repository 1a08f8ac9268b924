"""The parts in which segmentation, pix2pix, Probabilistic U-Net and clouds differ."""
