"""Implements what differs between segmentation, pix2pix, Prob. U-Net and clouds."""
